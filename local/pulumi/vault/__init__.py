"""Stand-in for the official vault provider plugin, against OpenBao or Vault.

Served: Mount, AuthBackend, Policy, kv.Secret, kv.SecretV2, generic.Secret, kubernetes.AuthBackendConfig and
AuthBackendRole, appRole.AuthBackendRole and AuthBackendRoleSecretId, jwt.AuthBackend and AuthBackendRole; the functions
getPolicyDocument, kv.getSecretV2 and generic.getSecret; login by token, and by authLogin, authLoginUserpass and
authLoginJwt. Everything else is refused. No child token is made, as with the provider's `skipChildToken`.
"""
