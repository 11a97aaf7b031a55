"""One rule per module; each module has a `POLICY`."""

from policies.rules import (
    cluster_store_conditions,
    explicit_provider,
    refresh_interval_floor,
    secret_type_allow_list,
    static_store_credentials,
    synced_secret_state,
    vault_address_https,
    vault_policy_read_only,
)

POLICIES = [
    module.POLICY
    for module in (
        cluster_store_conditions,
        explicit_provider,
        refresh_interval_floor,
        secret_type_allow_list,
        static_store_credentials,
        synced_secret_state,
        vault_address_https,
        vault_policy_read_only,
    )
]
"""Every rule of the pack, by name."""
