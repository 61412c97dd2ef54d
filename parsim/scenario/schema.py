"""The signature is the schema: values of a scenario are checked against the parameters of the function that it names.

    def star(places, bandwidth: BytesPerSecond, latency: Seconds = 0.0)

    {bandwidth: 400 Gbit/s}   ->  {"bandwidth": 5e10, "latency": 0.0}
    {bandwith: 400 Gbit/s}    ->  bandwith: unknown key 'bandwith'. Did you mean 'bandwidth'?
                                  bandwidth: is missing; write for example 'bandwidth: 400 Gbit/s'

Editors show the meaning of a parameter from the docstring.

A parameter `from_` is the key `from`. Values are not coerced: "3" is not a number, true is not a count. Annotations are

- the quantities of `parsim.core.units`; int, float, str, bool, Literal; `Count`, `Whole`, `Positive`, `Name`, `File`;
- `list[T]`, `tuple[T, ...]`, `dict[str, T]`;
- a dataclass or NamedTuple: its signature is the schema of a mapping, and the argument is an instance;
- a union such as `Count | list[Name | Row]`: the type of the value picks the member;
- `Annotated[Ask, OneOf(shelf)]`: an entry of a shelf with its parameters.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union

from parsim.core.annotations import Doubt, Either, Strict, example, mark_of, read
from parsim.core.errors import Complaint, Invalid, Path
from parsim.core.schema import Ask
from parsim.core.signatures import annotated, is_record
from parsim.core.suggestions import did_you_mean
from parsim.core.units import Quantity, TimeOrSize, Travel, show
from parsim.entries.external import Outside
from parsim.entries.registry import Shelf
from parsim.scenario.docstrings import meanings, purpose
from parsim.scenario.pydantic_errors import bridged, complaints

if TYPE_CHECKING:
    from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

Names = tuple[str, ...]


@dataclass(frozen=True)
class OneOf:
    """Marks an `Ask` parameter: `fifo`, or `{kind: fifo, ...}` with the entry's parameters.

    Parameters in *given* come from the caller of `Ask.make`, not from the scenario. *given* may be a function of the
    entry.
    """

    shelf: Shelf
    given: Names | Callable[[Callable[..., Any]], Names] = ()
    takes = (str, dict)

    @property
    def wanted(self) -> str:
        """A phrase for messages."""
        return f"a name such as '{self.example}', or a mapping with 'kind'"

    @property
    def key(self) -> str:
        """The key of its choices in a JSON Schema."""
        return "-".join((self.shelf.name, *(() if callable(self.given) else self.given)))

    @property
    def example(self) -> str:
        """What to write, for messages."""
        return next(iter(self.shelf.entries()), "NAME")

    def read(self, raw: Any) -> Ask:
        """Find the entry and check its parameters. Faults raise `Invalid`."""
        if isinstance(raw, Ask):
            raw = {"kind": raw.name, **raw.arguments}
        if isinstance(raw, str):
            return self._ask(raw, {}, ())
        if not isinstance(raw, dict):
            raise Invalid([Complaint((), f"wants {self.wanted}, not {show(raw)}")])
        if "kind" not in raw:
            raise Invalid([Complaint(("kind",), f"is missing; write for example 'kind: {self.example}'")])
        if not isinstance(raw["kind"], str):
            raise Invalid([Complaint(("kind",), f"wants a name such as '{self.example}', not {show(raw['kind'])}")])
        return self._ask(raw["kind"], {key: raw[key] for key in raw if key != "kind"}, ("kind",))

    def _ask(self, name: str, parameters: dict[str, Any], at: Path) -> Ask:
        entries = self.shelf.entries()
        if name not in entries:
            raise Invalid([Complaint(at, did_you_mean(name, entries))])
        if isinstance(entries[name], Outside):
            self._model(entries[name])  # refuses signatures that cannot be read
        return Ask(name, entries[name], check(entries[name], parameters, self._given(entries[name])))

    def models(self) -> dict[str, type[BaseModel]]:
        """Return the model of every entry."""
        return {name: self._model(entry) for name, entry in self.shelf.entries().items()}

    def _model(self, entry: Callable[..., Any]) -> type[BaseModel]:
        given = self._given(entry)
        if isinstance(entry, Outside):
            entry.refuse_unreadable(functools.partial(model_of, entry), given)
        return model_of(entry, given)

    def _given(self, entry: Callable[..., Any]) -> Names:
        return self.given(entry) if callable(self.given) else self.given

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(functools.partial(bridged, self.read))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"$shelf": self}  # `json_schema` puts a reference here


@dataclass(frozen=True)
class Record:
    """Marks a parameter that is a mapping with the parameters of *cls*; the argument is an instance."""

    cls: Callable[..., Any]
    takes = (dict,)
    wanted = "a mapping"

    @property
    def example(self) -> str:
        """An example for messages: that of the class, or all required keys, if an example of each is known."""
        if hasattr(self.cls, "EXAMPLE"):
            return str(self.cls.EXAMPLE)
        said = {
            key_of(name): example(annotation)
            for name, (annotation, parameter) in parameters(self.cls).items()
            if parameter.default is parameter.empty
        }
        return f"{{{', '.join(f'{key}: {text}' for key, text in said.items())}}}" if said and all(said.values()) else ""

    def read(self, raw: Any) -> Any:
        """Read what is plainly right."""
        return self.cls(**_plainly(self.cls, (), raw))

    def _build(self, raw: Any, handler: Callable[[Any], BaseModel]) -> Any:
        return bridged(functools.partial(self._read, handler), raw)

    def _read(self, handler: Callable[[Any], BaseModel], raw: Any) -> Any:
        return self.cls(**_arguments(self.cls, (), handler, raw))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        inner = handler.generate_schema(model_of(self.cls))
        return core_schema.no_info_wrap_validator_function(self._build, inner)


def check(function: Callable[..., Any], raw: Any, given: Names = ()) -> dict[str, Any]:
    """Check *raw* against the signature of *function*; return the keyword arguments including defaults.

    Parameters named in *given* and positional-only ones do not come from the scenario. All faults are raised in one
    `Invalid`, with paths from *raw*.

    >>> from parsim.core.schema import Count
    >>> from parsim.core.units import Seconds
    >>> def wait(time: Seconds, often: Count = 1) -> None: ...
    >>> check(wait, {"time": "5 us"})
    {'time': 5e-06, 'often': 1}
    >>> check(wait, {"time": "5 us", "often": 0})
    Traceback (most recent call last):
    parsim.core.errors.Invalid: often: 0 is too small; it must be at least 1
    """
    try:
        return _plainly(function, given, raw)
    except (Invalid, ValueError):
        return _arguments(function, given, model_of(function, given).model_validate, raw)


def _plainly(function: Callable[..., Any], given: Names, raw: Any) -> dict[str, Any]:
    """Return what pydantic would return if everything is plainly right; else raise `Invalid` or a `ValueError`."""
    known = {key_of(name): (name, *found) for name, found in parameters(function, given).items()}
    if type(raw) is not dict or not raw.keys() <= known.keys():
        raise Doubt
    return {
        name: read(annotation, raw[key]) if key in raw else _left_out(function, name, annotation, parameter.default)
        for key, (name, annotation, parameter) in known.items()
    }


def _left_out(function: Callable[..., Any], name: str, annotation: Any, default: Any) -> Any:
    """Return the value of a parameter that is left out."""
    factory = _factories(function).get(name)
    if factory is not None:
        return factory()
    if default is inspect.Parameter.empty:
        raise Doubt
    return read(annotation, default) if isinstance(default, Ask) else copy.deepcopy(default)


def _arguments(
    function: Callable[..., Any], given: Names, validate: Callable[[Any], BaseModel], raw: Any
) -> dict[str, Any]:
    from pydantic import ValidationError

    try:
        return dict(validate(raw).__dict__)
    except ValidationError as error:
        known = {key_of(name): annotation for name, (annotation, _) in parameters(function, given).items()}
        raise Invalid(complaints(known, error)) from None


@functools.cache
def model_of(function: Callable[..., Any], given: Names = ()) -> type[BaseModel]:
    """Make the pydantic model of a signature, on first use."""
    import warnings

    from pydantic import ConfigDict, create_model

    factories = _factories(function)
    fields: dict[str, Any] = {name: _field(function, name, factories.get(name)) for name in parameters(function, given)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a parameter may be called `copy` or `json`
        return create_model(
            getattr(function, "__name__", "parameters"),
            __config__=ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=()),
            __module__=getattr(function, "__module__", __name__),
            __doc__=purpose(function),
            **fields,
        )


def _factories(function: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return the factories of the defaults of fields."""
    known = dataclasses.fields(function) if dataclasses.is_dataclass(function) else ()
    return {field.name: field.default_factory for field in known if field.default_factory is not dataclasses.MISSING}


@functools.cache
def parameters(function: Callable[..., Any], given: Names = ()) -> Mapping[str, tuple[Any, inspect.Parameter]]:
    """Return the annotation and the parameter of every key that a scenario may give to *function*."""
    return {
        name: (adapted(annotation), parameter)
        for name, (annotation, parameter) in annotated(function).items()
        if name not in given
    }


def key_of(name: str) -> str:
    """Return the key of a parameter: `from_` is written `from`, which is a keyword of Python."""
    return name.rstrip("_")


def adapted(annotation: Any) -> Any:
    """Make an annotation strict: without coercion, with parsim's reading of records and unions."""
    if mark_of(annotation) is not None:
        return annotation
    if annotation is Travel:
        return Annotated[Travel, TimeOrSize()]
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return Annotated[(adapted(annotation.__origin__), *annotation.__metadata__)]
    if origin in (Union, types.UnionType):
        said = [member for member in members if member is not type(None)]  # None means left out, and is never written
        return adapted(said[0]) if len(said) == 1 else Annotated[Any, Either(tuple(map(adapted, said)))]
    if origin in _PLAIN:
        return _PLAIN[origin][tuple(member if member is ... else adapted(member) for member in members)]
    if annotation in (int, float, str, bool):
        return Annotated[annotation, Strict()]
    return Annotated[annotation, Record(annotation)] if is_record(annotation) else annotation


_PLAIN: dict[Any, Any] = {list: list, Sequence: list, tuple: tuple, dict: dict, Mapping: dict}


def _field(function: Callable[..., Any], name: str, factory: Any) -> tuple[Any, Any]:
    from pydantic import Field

    annotation, parameter = parameters(function)[name]
    alias, default = key_of(parameter.name), parameter.default

    def write(schema: dict[str, Any]) -> None:
        said = {} if default is parameter.empty else _written(annotation, default)
        schema.pop("default", None)
        schema.update(said | _description(meanings(function).get(name, ""), said.get("default", "")))

    if factory is not None:
        return annotation, Field(alias=alias, default_factory=factory, json_schema_extra=write)
    if default is parameter.empty:
        return annotation, Field(alias=alias, json_schema_extra=write)
    if isinstance(default, Ask):  # a factory, since pydantic would copy a default, and an Ask cannot be copied
        return annotation, Field(
            alias=alias, default_factory=lambda: default, validate_default=True, json_schema_extra=write
        )
    return annotation, Field(alias=alias, default=default, json_schema_extra=write)


def _written(annotation: Any, default: Any) -> dict[str, Any]:
    """Return the default as YAML, if it can be written."""
    mark = mark_of(annotation)
    if default is None:
        return {}
    if isinstance(default, Ask):
        return {"default": {"kind": default.name, **default.arguments} if default.arguments else default.name}
    if isinstance(default, float) and not math.isfinite(default):
        return {}
    if isinstance(mark, Either):
        fits = [member for member in mark.members if isinstance(mark_of(member), Quantity)]
        mark = mark_of(fits[0]) if fits and isinstance(default, float) else None
    if isinstance(mark, Quantity):
        return {"default": mark.write(default)}
    return {"default": default} if isinstance(default, str | int | float) else {}


def _description(text: str, default: Any) -> dict[str, str]:
    """Return the description of a key for editors, including its default, which they do not show otherwise."""
    left_out = default if isinstance(default, str) else json.dumps(default)
    return {"description": f"{text} Default: {left_out}." if left_out else text} if text else {}
