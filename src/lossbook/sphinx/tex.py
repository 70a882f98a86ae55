"""The formulas of the cards, read: TeX as a tree that the tests evaluate, and that the printed sheet sets.

The subset of TeX that the cards use, and nothing that could mean two things. A product ends at a plus, a minus, a
relation, a comma or a closing bracket; a function without brackets takes what is left of its product, and so does a sum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The letter of each argument of a loss, as book/notation.md has it.
SYMBOLS = {
    "y": "y", "p": "p", "q": "q", "z": "z", "y_hat": "ŷ", "labels": "c", "score": "s", "scores": "s", "log_rate": "z",
    "mean": "μ", "log_var": "s", "scale": "σ", "parameters": "w", "teacher_z": "t", "student_z": "s",
}  # fmt: skip
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ", "varepsilon": "ε", "lambda": "λ", "mu": "μ",
    "pi": "π", "sigma": "σ", "tau": "τ", "varphi": "φ", "Phi": "Φ", "ell": "ℓ", "infty": "∞", "top": "⊤",
}  # fmt: skip
RELATIONS = {"le": "≤", "ge": "≥", "ne": "≠"}
FUNCTIONS = ("log", "exp", "cosh", "tanh")
BIG = {"sum": "sum", "prod": "product", "max": "max", "argmax": "arg max"}
CLOSING = {"(": ")", "[": "]", "|": "|", "\\lVert": "\\rVert"}
_TOKEN = re.compile(r"\\[A-Za-z]+|\\\\|\d+(?:\.\d+)?|[^\s\\]|\\[^A-Za-z\s]|\\\s")
_SPACES = {"\\,", "\\;", "\\:", "\\!", "\\ ", "\\left", "\\right"}


@dataclass(frozen=True)
class Number:
    """A number."""

    text: str


@dataclass(frozen=True)
class Name:
    """A letter, or a word: ``y``, ``ŷ``, ``δ``, ``full``, ``else``."""

    text: str


@dataclass(frozen=True)
class Script:
    """What stands low and high at something: an index, a power."""

    base: Node
    low: Node | None
    high: Node | None


@dataclass(frozen=True)
class Fraction:
    """A fraction; ``small`` is ``\\tfrac``."""

    top: Node
    bottom: Node
    small: bool


@dataclass(frozen=True)
class Root:
    """A square root."""

    body: Node


@dataclass(frozen=True)
class Fence:
    """Something in brackets, or between the bars of a size or a length; ``left`` is TeX."""

    left: str
    body: Node


@dataclass(frozen=True)
class Call:
    """A function that is a word, and its argument."""

    function: str
    argument: Node


@dataclass(frozen=True)
class Big:
    """A sum, product, maximum or its place, over what stands under it."""

    kind: str
    under: Node
    over: Node | None
    body: Node


@dataclass(frozen=True)
class Factorial:
    """``y!``"""

    body: Node


@dataclass(frozen=True)
class Product:
    """Factors side by side; a letter that stands for a function takes the brackets after it."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Slash:
    """A quotient on one line."""

    top: Node
    bottom: Node


@dataclass(frozen=True)
class Sum:
    """Terms with their signs."""

    terms: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Relation:
    """``k = c``"""

    left: Node
    sign: str
    right: Node


@dataclass(frozen=True)
class List:
    """What commas separate, or a colon: arguments, conditions."""

    items: tuple[Node, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Cases:
    """Values, each with the condition under which it holds."""

    rows: tuple[tuple[Node, Node], ...]


Node = Number | Name | Script | Fraction | Root | Fence | Call | Big | Factorial | Product | Slash | Sum | Relation | List | Cases


def parse(tex: str) -> Node:
    """Read a formula; ValueError where it holds what the cards' TeX does not have.

    >>> parse(r"2\\,(\\hat y - y)")
    Product(factors=(Number(text='2'), Fence(left='(', body=Sum(terms=(('+', Name(text='ŷ')), ('-', Name(text='y')))))))
    """
    return _Reader(tex).whole()


class _Reader:
    """One pass over the tokens of a formula."""

    def __init__(self, tex: str) -> None:
        self.tex = tex
        self.tokens: list[str] = [token for token in _TOKEN.findall(tex) if token not in _SPACES]
        self.place = 0

    def whole(self) -> Node:
        node = self.list()
        return node if self.next is None else self.fail("the end")

    @property
    def next(self) -> str | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def fail(self, expected: str) -> Node:
        raise ValueError(f"{self.tex}: expected {expected} at token {self.place + 1}, got {self.next!r}")

    def take(self, *wanted: str) -> str | None:
        """The next token if it is one of these."""
        if self.next not in wanted:
            return None
        self.place += 1
        return self.tokens[self.place - 1]

    def need(self, token: str) -> None:
        if not self.take(token):
            self.fail(repr(token))

    def list(self) -> Node:
        items, marks = [self.relation()], []
        while mark := self.take(",", ":"):
            marks.append(mark)
            items.append(self.relation())
        return List(tuple(items), tuple(marks)) if marks else items[0]

    def relation(self) -> Node:
        left = self.sum()
        sign = self.take("=", "<", ">", *(f"\\{name}" for name in RELATIONS))
        return Relation(left, RELATIONS.get(sign[1:], sign), self.sum()) if sign else left

    def sum(self) -> Node:
        terms = [(self.take("+", "-") or "+", self.product())]
        while sign := self.take("+", "-"):
            terms.append((sign, self.product()))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == "+" else Sum(tuple(terms))

    def product(self) -> Node:
        factors: list[Node] = []
        while self.starts():
            factors.append(self.factor())
        if not factors:
            self.fail("a term")
        left: Node = factors[0] if len(factors) == 1 else Product(tuple(factors))
        return Slash(left, self.factor()) if self.take("/") else left

    def starts(self) -> bool:
        """Whether a factor comes next; a bar opens only where it does not close, which `fenced` sees to."""
        token = self.next
        if token is None or token in ("+", "-", "/", "=", "<", ">", ",", ":", ")", "]", "}", "&", "\\\\", "\\rVert", "\\end"):
            return False
        return token[1:] not in RELATIONS and not (token == "|" and self.barred)

    barred = False

    def factor(self) -> Node:
        return self.scripts(self.atom())

    def scripts(self, base: Node) -> Node:
        low = high = None
        while mark := self.take("_", "^"):
            if mark == "_":
                low = self.group()
            else:
                high = self.group()
        node = base if low is high is None else Script(base, low, high)
        return Factorial(node) if self.take("!") else node

    def group(self) -> Node:
        """What stands in braces, or one token."""
        if not self.take("{"):
            if self.take("+"):
                return Name("+")
            token = self.next or ""
            if token.isdigit():  # TeX takes one digit of a number without braces
                self.tokens[self.place : self.place + 1] = list(token)
            return self.atom()
        barred, self.barred = self.barred, False
        node = self.list()
        self.need("}")
        self.barred = barred
        return node

    def atom(self) -> Node:
        token = self.next
        if token is None:
            return self.fail("a term")
        if token in CLOSING:
            return self.fenced()
        self.place += 1
        name = token[1:] if token.startswith("\\") else ""
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return Number(token)
        if re.fullmatch(r"[A-Za-z]", token):
            return Name(token)
        if name in LETTERS:
            return Name(LETTERS[name])
        if name == "hat":
            assert self.group() == Name("y"), "only ŷ has a hat"
            return Name("ŷ")
        if name == "mathcal":
            return Name({"L": "ℒ", "B": "ℬ"}[self.word()])
        if name in ("texttt", "text"):
            return Name(self.word())
        if name in ("frac", "tfrac"):
            return Fraction(self.group(), self.group(), name == "tfrac")
        if name == "sqrt":
            return Root(self.group())
        if name in FUNCTIONS:
            return self.call(name)
        if name == "operatorname":
            return self.call(self.word())
        if name in BIG:
            return self.big(name)
        if name == "begin":
            return self.cases()
        self.place -= 1
        return self.fail("a term")

    def word(self) -> str:
        """A word in braces, or one letter."""
        if not self.take("{"):
            self.place += 1
            return self.tokens[self.place - 1]
        letters = ""
        while self.next is not None and self.next != "}":
            letters += self.next
            self.place += 1
        self.need("}")
        return letters

    def fenced(self) -> Node:
        left = self.tokens[self.place]
        self.place += 1
        barred, self.barred = self.barred, left == "|"
        body = self.list()
        self.need(CLOSING[left])
        self.barred = barred
        return Fence(left, body)

    def call(self, function: str) -> Node:
        return Call(function, self.fenced() if self.next == "(" else self.product())

    def big(self, name: str) -> Node:
        self.need("_")
        under = self.group()
        over = self.group() if self.take("^") else None
        return Big(BIG[name], under, over, self.product())

    def cases(self) -> Node:
        assert self.word() == "cases", "cases is the only environment"
        rows = []
        while True:
            value = self.relation()
            self.need("&")
            rows.append((value, self.relation()))
            if not self.take("\\\\"):
                break
        self.need("\\end")
        assert self.word() == "cases"
        return Cases(tuple(rows))


def typst(node: Node) -> str:
    """The formula as Typst writes mathematics.

    >>> typst(parse(r"\\tfrac12 e^2")), typst(parse(r"-\\log p_k"))
    ('inline(frac(1, 2)) e^(2)', '−log p_(k)')
    """
    match node:
        case Number(text):
            return text
        case Name(text):
            special = {"ŷ": "hat(y)", "ℒ": "cal(L)", "ℬ": "cal(B)", "⊤": "top", "else": '"else"'}
            return special.get(text, text if len(text) == 1 else f'mono("{text}")')
        case Script(base, low, high):
            written = typst(base)
            written += "" if low is None else f"_({typst(low)})"
            return written + ("" if high is None else f"^({typst(high)})")
        case Fraction(top, bottom, small):
            written = f"frac({typst(top)}, {typst(bottom)})"
            return f"inline({written})" if small else written
        case Root(body):
            return f"sqrt({typst(body)})"
        case Fence(left, body):
            inside = typst(body)
            return {"|": f"abs({inside})", "\\lVert": f"norm({inside})"}.get(left, f"lr({left}{inside}{CLOSING[left]})")
        case Call(function, argument):
            name = function if function in FUNCTIONS else f'op("{function}")'
            return f"{name} {typst(argument)}"
        case Big(kind, under, over, body):
            sign = f'op("{kind}", limits: #true)' if " " in kind else kind
            return f"{sign}_({typst(under)})" + ("" if over is None else f"^({typst(over)})") + f" {typst(body)}"
        case Factorial(body):
            return f"{typst(body)}!"
        case Product(factors):
            return " ".join(typst(factor) for factor in factors)
        case Slash(top, bottom):
            return f"{typst(top)} slash {typst(bottom)}"
        case Sum(terms):
            first, *others = terms
            written = ("−" if first[0] == "-" else "") + typst(first[1])
            return written + "".join(f" {sign.replace('-', '−')} {typst(term)}" for sign, term in others)
        case Relation(left, sign, right):
            return f"{typst(left)} {sign} {typst(right)}"
        case List(items, marks):
            # A bare comma would part the arguments of a function of Typst's.
            marked = {",": ' class("punctuation", ",") ', ":": ": ", "": ""}
            return "".join(typst(item) + marked[mark] for item, mark in zip(items, (*marks, ""), strict=True))
        case Cases(rows):
            return "cases(" + ", ".join(f"{typst(value)} & quad {typst(condition)}" for value, condition in rows) + ")"
