"""What a resource type of the aws package has to know, and what all of them do alike."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.pulumi.aws.policy_documents import comparable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.aws.policy_documents import DocumentKind
    from local.pulumi.wire import PropertyMap, PropertyValue


@dataclass(frozen=True, kw_only=True)
class ResourceType(ABC):
    """One type. Property maps given to its methods carry no secret marks; the connection is the resource's Region.

    Attributes:
        replacing: Inputs whose change replaces the resource.
        changing: Inputs whose change `update` makes in place.
        kept: Inputs that only a later operation reads; the API does not know them.
        secrets: Properties that are secret by what they are.
        write_only: Inputs that are sent and never recorded as outputs, and the inputs that say when to send them again.
        defaults: Inputs the plugin fills in.
        documents: Inputs that are policy documents.
        sets: Inputs that are sets, whose order means nothing.
        named: Whether `name` is made up where neither it nor `namePrefix` is given.
        regional: Whether it has an input `region`.
        tagged: Whether it has tags.
    """

    replacing: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    write_only: Mapping[str, str] = field(default_factory=dict)
    defaults: PropertyMap = field(default_factory=dict)
    documents: Mapping[str, DocumentKind] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    named: bool = False
    regional: bool = True
    tagged: bool = False

    @property
    def inputs(self) -> frozenset[str]:
        """Every input that is served."""
        return frozenset((*self.replaced_by, *self.changing, *self.kept, *(("tags",) if self.tagged else ())))

    @property
    def replaced_by(self) -> tuple[str, ...]:
        """Inputs whose change replaces the resource, those that many types have included."""
        shared = (*(("name", "namePrefix") if self.named else ()), *(("region",) if self.regional else ()))
        return (*self.replacing, *shared)

    @abstractmethod
    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create; the resource's id. What has to follow is done by `complete`."""

    def complete(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> None:
        """What has to follow a creation; if it fails, the resource is there and incomplete."""
        del aws, id_, inputs

    @abstractmethod
    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Live values under their property names; None where the resource is gone. An import has no inputs."""

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Change what differs, in place."""
        del aws, id_, old, new

    @abstractmethod
    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete; what is gone already is no error."""

    def changed(self, old: PropertyMap, new: PropertyMap, *names: str) -> bool:
        """Whether one of some inputs differs in more than spelling."""
        return any(self.comparable(name, old.get(name)) != self.comparable(name, new.get(name)) for name in names)

    def comparable(self, name: str, value: PropertyValue) -> PropertyValue:
        """A value such that equal ones mean the same."""
        if name in self.documents and isinstance(value, str):
            return comparable(value)
        return sorted(value, key=str) if name in self.sets and isinstance(value, list) else value


def tag_list(tags: Mapping[str, str] | None, key: str = "Key", value: str = "Value") -> list[dict[str, str]] | None:
    """Tags as the API takes them; None where there are none."""
    return [{key: name, value: text} for name, text in sorted((tags or {}).items())] or None


def tag_outputs(tags: list[dict[str, str]] | None, key: str = "Key", value: str = "Value") -> PropertyMap:
    """The outputs `tags` and `tagsAll` from the API's tags; AWS's own tags are left out."""
    found = {tag[key]: tag[value] for tag in tags or [] if not tag[key].startswith("aws:")}
    return {"tags": found or None, "tagsAll": found}


def removed_tags(old: PropertyMap, new: PropertyMap) -> list[str]:
    """Keys of tags that are to go."""
    return sorted(set(old.get("tags") or {}) - set(new.get("tags") or {}))


def text_of(document: PropertyValue) -> str:
    """A document as text; the SDK has decoded some already."""
    return document if isinstance(document, str) else json.dumps(document)


def given(**properties: PropertyValue) -> PropertyMap:
    """Properties without the absent ones."""
    return {name: value for name, value in properties.items() if value is not None}
