"""What /metrics says, as tests look at it."""

import re

LINE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(r'\\(.)')


class Metrics:
    """A page, parsed: `page("otto_requests_total")`, `page("otto_responses_total", code="2xx")`."""

    def __init__(self, text):
        self.text = text
        self.helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
        self.types = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M))
        self.values = {}
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            name, labels, value = LINE.fullmatch(line).groups()
            key = name, frozenset((label, unescaped(given))
                                  for label, given in LABEL.findall(labels or ""))
            if key in self.values:
                raise AssertionError(f"twice: {line}")
            self.values[key] = float(value)

    def __call__(self, name, **labels):
        """The value of one series; None when there is none."""
        return self.values.get((name, frozenset(labels.items())))

    def __str__(self):
        """What is not zero, without the buckets."""
        return "\n".join(line for line in self.text.splitlines()
                         if not line.startswith("#") and not line.endswith(" 0")
                         and "_bucket{" not in line)

    def sum(self, name, **labels):
        """Over all series that have these labels among theirs."""
        return sum(value for (each, given), value in self.values.items()
                   if each == name and labels.items() <= set(given))

    def labels(self, name, label):
        """All values of a label of a metric."""
        return {value for each, given in self.values if each == name
                for key, value in given if key == label}


def unescaped(text):
    return ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text)
