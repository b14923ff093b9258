#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.
"""The expressions of a definition, each with its severity."""

from sentinella import exceptions
from sentinella import model
from sentinella.evaluator.expression import reader


def tiers(definition):
    """
    :returns: tuple of pairs of a Severity and its Expression, the mildest
        first
    :raises InvalidExpression: says the tier and the column, and what was
        expected there
    :raises InvalidInput: a tier is not more severe than the definition
    """
    found = [(definition.severity, reader.parse(definition.expression))]
    for name, text in definition.tiers.items():
        severity = _severity(name)
        if not severity.exceeds(definition.severity):
            raise exceptions.InvalidInput(
                f'tiers.{severity}: expected a severity that is worse than '
                f"the definition's, which is {definition.severity}"
            )
        found.append((severity, _parse(severity, text)))
    return tuple(sorted(found, key=lambda one: -one[0].rank))


def metrics(definition):
    """
    :returns: names of all metrics that a definition reads, as a set
    :raises InvalidExpression, InvalidInput: see :func:`tiers`
    """
    return frozenset().union(
        *(expression.metrics for _, expression in tiers(definition))
    )


def _severity(name):
    try:
        return model.Severity(name)
    except ValueError:
        raise exceptions.InvalidInput(
            f'tiers: expected severities ({", ".join(model.Severity)}), got '
            f'{name!r}'
        )


def _parse(severity, text):
    try:
        return reader.parse(text)
    except exceptions.InvalidExpression as error:
        raise exceptions.InvalidExpression(f'tiers.{severity}: {error}')
