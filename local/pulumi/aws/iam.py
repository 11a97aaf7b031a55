"""Roles, policies, identity providers and users."""

# ruff: noqa: ARG002 - every type's methods take what some types need

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from local.pulumi.aws.resource_type import ResourceType, given, removed_tags, tag_list, tag_outputs, text_of
from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.wire import PropertyMap

_VERSIONS = 5
"""Versions a managed policy may have."""


def _halves(id_: str, separator: str, form: str) -> tuple[str, str]:
    first, found, second = id_.partition(separator)
    if not found:
        raise PluginError(f"the id {id_!r} does not look like {form}", grpc.StatusCode.INVALID_ARGUMENT)
    return first, second


@dataclass(frozen=True, kw_only=True)
class _Global(ResourceType):
    regional: bool = False


@dataclass(frozen=True, kw_only=True)
class Role(_Global):
    """`iam.Role`; its id is its name."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create with tags and boundary."""
        role = aws.call(
            "iam",
            "create_role",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Description=inputs.get("description"),
            MaxSessionDuration=inputs.get("maxSessionDuration"),
            Path=inputs.get("path"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=tag_list(inputs.get("tags")),
        )["Role"]
        return str(role["RoleName"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the role."""
        answer = aws.find("iam", "get_role", RoleName=id_)
        if answer is None:
            return None
        role = answer["Role"]
        return {
            **given(
                name=role["RoleName"],
                arn=role["Arn"],
                uniqueId=role["RoleId"],
                createDate=role["CreateDate"].isoformat(),
                path=role["Path"],
                description=role.get("Description") or None,
                maxSessionDuration=role.get("MaxSessionDuration"),
                assumeRolePolicy=text_of(role["AssumeRolePolicyDocument"]),
                permissionsBoundary=(role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            ),
            **tag_outputs(role.get("Tags")),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Trust policy, description and duration, boundary, tags."""
        if self.changed(old, new, "assumeRolePolicy"):
            aws.call("iam", "update_assume_role_policy", RoleName=id_, PolicyDocument=new["assumeRolePolicy"])
        if self.changed(old, new, "description", "maxSessionDuration"):
            aws.call(
                "iam",
                "update_role",
                RoleName=id_,
                Description=new.get("description") or "",
                MaxSessionDuration=new.get("maxSessionDuration"),
            )
        if self.changed(old, new, "permissionsBoundary"):
            if new.get("permissionsBoundary"):
                boundary = new["permissionsBoundary"]
                aws.call("iam", "put_role_permissions_boundary", RoleName=id_, PermissionsBoundary=boundary)
            else:
                aws.call("iam", "delete_role_permissions_boundary", RoleName=id_)
        if gone := removed_tags(old, new):
            aws.call("iam", "untag_role", RoleName=id_, TagKeys=gone)
        if self.changed(old, new, "tags") and new.get("tags"):
            aws.call("iam", "tag_role", RoleName=id_, Tags=tag_list(new["tags"]))

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete; with `forceDetachPolicies` its policies are taken off first."""
        if self.fetch(aws, id_, outputs) is None:
            return
        if outputs.get("forceDetachPolicies"):
            for policy in aws.all("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=id_):
                aws.call("iam", "detach_role_policy", RoleName=id_, PolicyArn=policy["PolicyArn"])
            for name in aws.all("iam", "list_role_policies", "PolicyNames", RoleName=id_):
                aws.call("iam", "delete_role_policy", RoleName=id_, PolicyName=name)
        aws.find("iam", "delete_role", RoleName=id_)


@dataclass(frozen=True, kw_only=True)
class Policy(_Global):
    """`iam.Policy`, a managed one; its id is its ARN."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create with tags."""
        policy = aws.call(
            "iam",
            "create_policy",
            PolicyName=inputs["name"],
            PolicyDocument=inputs["policy"],
            Description=inputs.get("description"),
            Path=inputs.get("path"),
            Tags=tag_list(inputs.get("tags")),
        )["Policy"]
        return str(policy["Arn"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the policy and its default version."""
        answer = aws.find("iam", "get_policy", PolicyArn=id_)
        if answer is None:
            return None
        policy = answer["Policy"]
        version = aws.call("iam", "get_policy_version", PolicyArn=id_, VersionId=policy["DefaultVersionId"])
        return {
            **given(
                name=policy["PolicyName"],
                arn=policy["Arn"],
                policyId=policy["PolicyId"],
                attachmentCount=policy.get("AttachmentCount"),
                path=policy["Path"],
                description=policy.get("Description") or None,
                policy=text_of(version["PolicyVersion"]["Document"]),
            ),
            **tag_outputs(policy.get("Tags")),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """A new default version, for which the oldest one has to make room; tags."""
        if self.changed(old, new, "policy"):
            versions = aws.all("iam", "list_policy_versions", "Versions", PolicyArn=id_)
            if len(versions) >= _VERSIONS:
                spare = [version for version in versions if not version["IsDefaultVersion"]]
                oldest = min(spare, key=lambda version: version["CreateDate"])["VersionId"]
                aws.call("iam", "delete_policy_version", PolicyArn=id_, VersionId=oldest)
            aws.call("iam", "create_policy_version", PolicyArn=id_, PolicyDocument=new["policy"], SetAsDefault=True)
        if gone := removed_tags(old, new):
            aws.call("iam", "untag_policy", PolicyArn=id_, TagKeys=gone)
        if self.changed(old, new, "tags") and new.get("tags"):
            aws.call("iam", "tag_policy", PolicyArn=id_, Tags=tag_list(new["tags"]))

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete its versions, then the policy."""
        if self.fetch(aws, id_, outputs) is None:
            return
        for version in aws.all("iam", "list_policy_versions", "Versions", PolicyArn=id_):
            if not version["IsDefaultVersion"]:
                aws.call("iam", "delete_policy_version", PolicyArn=id_, VersionId=version["VersionId"])
        aws.find("iam", "delete_policy", PolicyArn=id_)


@dataclass(frozen=True, kw_only=True)
class RolePolicyAttachment(_Global):
    """`iam.RolePolicyAttachment`; its id is `role/policy ARN`, which is also what an import is given."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Attach."""
        aws.call("iam", "attach_role_policy", RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Look whether it is attached."""
        role, policy = _halves(id_, "/", "role/policy ARN")
        if aws.find("iam", "get_role", RoleName=role) is None:
            return None
        attached = aws.all("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)
        if policy not in [each["PolicyArn"] for each in attached]:
            return None
        return {"role": role, "policyArn": policy}

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Detach."""
        role, policy = _halves(id_, "/", "role/policy ARN")
        aws.find("iam", "detach_role_policy", RoleName=role, PolicyArn=policy)


@dataclass(frozen=True, kw_only=True)
class RolePolicy(_Global):
    """`iam.RolePolicy`, inline in a role; its id is `role:name`."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Put it."""
        self._put(aws, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read it."""
        role, name = _halves(id_, ":", "role:name")
        answer = aws.find("iam", "get_role_policy", RoleName=role, PolicyName=name)
        return None if answer is None else {"role": role, "name": name, "policy": text_of(answer["PolicyDocument"])}

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Put it again."""
        if self.changed(old, new, "policy"):
            self._put(aws, new)

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete it."""
        role, name = _halves(id_, ":", "role:name")
        aws.find("iam", "delete_role_policy", RoleName=role, PolicyName=name)

    def _put(self, aws: AwsConnection, inputs: PropertyMap) -> None:
        document, name = inputs["policy"], inputs["name"]
        aws.call("iam", "put_role_policy", RoleName=inputs["role"], PolicyName=name, PolicyDocument=document)


@dataclass(frozen=True, kw_only=True)
class OpenIdConnectProvider(_Global):
    """`iam.OpenIdConnectProvider`; its id is its ARN."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create with tags."""
        answer = aws.call(
            "iam",
            "create_open_id_connect_provider",
            Url=inputs["url"],
            ClientIDList=inputs["clientIdLists"],
            ThumbprintList=inputs.get("thumbprintLists"),
            Tags=tag_list(inputs.get("tags")),
        )
        return str(answer["OpenIDConnectProviderArn"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read it; the API returns the address without its scheme."""
        answer = aws.find("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=id_)
        if answer is None:
            return None
        address = str(answer["Url"])
        return {
            "arn": id_,
            "url": address if "://" in address else f"https://{address}",
            "clientIdLists": sorted(answer.get("ClientIDList") or []),
            "thumbprintLists": sorted(answer.get("ThumbprintList") or []),
            **tag_outputs(answer.get("Tags")),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Audiences one by one, thumbprints, tags."""
        before, after = set(old.get("clientIdLists") or []), set(new.get("clientIdLists") or [])
        what = {"OpenIDConnectProviderArn": id_}
        for audience in sorted(after - before):
            aws.call("iam", "add_client_id_to_open_id_connect_provider", ClientID=audience, **what)
        for audience in sorted(before - after):
            aws.call("iam", "remove_client_id_from_open_id_connect_provider", ClientID=audience, **what)
        if self.changed(old, new, "thumbprintLists"):
            prints = new.get("thumbprintLists") or []
            aws.call("iam", "update_open_id_connect_provider_thumbprint", ThumbprintList=prints, **what)
        if gone := removed_tags(old, new):
            aws.call("iam", "untag_open_id_connect_provider", TagKeys=gone, **what)
        if self.changed(old, new, "tags") and new.get("tags"):
            aws.call("iam", "tag_open_id_connect_provider", Tags=tag_list(new["tags"]), **what)

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete it."""
        aws.find("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=id_)


@dataclass(frozen=True, kw_only=True)
class User(_Global):
    """`iam.User`; its id is its name."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create with tags and boundary."""
        user = aws.call(
            "iam",
            "create_user",
            UserName=inputs["name"],
            Path=inputs.get("path"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=tag_list(inputs.get("tags")),
        )["User"]
        return str(user["UserName"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read it."""
        answer = aws.find("iam", "get_user", UserName=id_)
        if answer is None:
            return None
        user = answer["User"]
        tags = aws.all("iam", "list_user_tags", "Tags", UserName=id_)
        return {
            **given(name=user["UserName"], arn=user["Arn"], uniqueId=user["UserId"], path=user["Path"]),
            **tag_outputs(tags),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Tags."""
        if gone := removed_tags(old, new):
            aws.call("iam", "untag_user", UserName=id_, TagKeys=gone)
        if self.changed(old, new, "tags") and new.get("tags"):
            aws.call("iam", "tag_user", UserName=id_, Tags=tag_list(new["tags"]))

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete it; one that still has keys is refused by the API."""
        aws.find("iam", "delete_user", UserName=id_)
