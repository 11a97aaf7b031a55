"""Stand-in for the official aws provider plugin, against an endpoint that is named: moto, or whatever speaks its API.

Served: secretsmanager Secret, SecretVersion, SecretPolicy and SecretRotation; kms Key and Alias; iam Role, Policy,
RolePolicyAttachment, RolePolicy, OpenIdConnectProvider and User; ssm Parameter; eks PodIdentityAssociation, and Cluster
for reading only; the functions getCallerIdentity, getPartition, getRegion, iam.getPolicyDocument, eks.getCluster and
secretsmanager.getSecret. Everything else is refused, single inputs included.

It never talks to AWS: without an explicit endpoint it refuses to be configured, and an endpoint of AWS is refused. It
shows that a program's wiring is right, not that AWS would do the same: policies are not evaluated, nothing is
eventually consistent, quotas other than those of policy sizes do not exist.
"""
