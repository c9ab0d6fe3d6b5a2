"""A row of a table of cases."""

import dataclasses

SEEDS = 10


@dataclasses.dataclass
class Case:
    """`estimator` with `parameters` behind `transformers` on the data set `data`, against the
    estimator that `reference()` makes.

    compare       comparators.py; all of them on one fit. For one made by metric() or
                  metric_at_least() reference(seed) is fitted for each of `seeds`, and so are we.
    transformers  as of trivet.Client.train: [] none, None the server's defaults
    prepare_y     for the reference, where it does not take the data's classes as they are
    """

    estimator: str
    data: str
    reference: object
    compare: list
    parameters: dict = dataclasses.field(default_factory=dict)
    transformers: object = ()
    prepare_y: object = None
    seeds: int = SEEDS

    def label(self):
        def named(step):
            name, parameters = (step, None) if isinstance(step, str) else step[:2]
            return name + "".join("(%s=%s)" % item for item in (parameters or {}).items())

        steps = "default" if self.transformers is None else "+".join(map(named, self.transformers))
        parts = ["%s=%s" % item for item in self.parameters.items()]
        return ",".join(parts + (["steps=" + steps] if steps else [])) or "defaults"
