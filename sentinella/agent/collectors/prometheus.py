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

"""What exporters for Prometheus tell."""

import fnmatch
import math
import re

from oslo_config import cfg

from sentinella import model
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import probing
from sentinella.agent.asking import targets
from sentinella.agent.asking import tls
from sentinella.agent.asking import web

#: Series of one target that are taken, and labels of each.
SERIES = 500
LABELS = 16
#: Bytes of one target's answer, and characters of a name or label.
BYTES = 1 << 23
CHARACTERS = 255
#: Dimensions that have a meaning of their own here.
_OURS = ('server', 'service', 'target')
_TYPE = re.compile(r'#[ \t]+TYPE[ \t]+([\w:]+)[ \t]+histogram', re.ASCII)
_NAME = re.compile(r'[ \t]*([\w:]+)', re.ASCII)


class PrometheusCollector(base.Collector):
    """What exporters for Prometheus tell.

    It asks each of the `targets` for its metrics in the text format, and
    takes those that `metrics` names, 500 series of a target at most. They
    keep the names that the exporter gives them; labels become dimensions,
    besides ``target``, and one that is called as such, ``server`` or
    ``service`` is renamed, as in ``exported_service``.

    An alarm can't make a rate of a counter, so that is done here: a counter
    is told as its growth in a second, under its own name, and so are
    ``_sum`` and ``_count`` of a histogram or summary, and what is of no type
    and ends in ``_total``. Gauges are told as they are. The buckets of
    histograms are left out.
    """

    PROBES = True
    OPTIONS = (
        cfg.ListOpt(
            'targets',
            default=[],
            help='Exporters to ask, each as name=url, such as '
            'ceph=http://127.0.0.1:9283/metrics.',
        ),
        cfg.ListOpt(
            'metrics',
            default=['*'],
            help='Patterns of the names of metrics to take.',
        ),
        targets.timeout_option(5.0),
        cfg.StrOpt(
            'cafile',
            help='Certificates (PEM) of the authorities that exporters are '
            "trusted by; the system's if not given.",
        ),
    )
    METRICS = {
        'prometheus.up': 'Whether the exporter gave its metrics in a form '
        'that can be read: 1 or 0; by target',
        'prometheus.scrape_seconds': 'Time until its answer began, s; by '
        'target',
        'prometheus.series': 'Series that were taken; by target',
        'prometheus.series_dropped': 'Series that were named by `metrics` '
        f'and beyond the first {SERIES}, or had too many or too long labels; '
        'by target',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._targets = targets.read(
            conf, self.group(), 'targets', targets.named_url
        )
        self._wanted = re.compile(
            '|'.join(map(fnmatch.translate, self.options.metrics)) or '(?!)'
        ).match
        self._context = None
        if any(url.startswith('https') for _, url in self._targets):
            self._context = tls.verified(self.group(), self.options.cafile)
        self._speed = counting.Speed()

    def wanted(self):
        return bool(self._targets)

    def collect(self, now):
        outcomes = probing.each(self._scrape, self._targets)
        for (target, _), outcome in zip(self._targets, outcomes, strict=True):
            found = Scrape()
            if not isinstance(outcome, Exception):
                found = outcome
            up = probing.up(outcome)
            yield from (
                model.Sample(
                    model.Metric(
                        name, tuple(sorted((*labels, ('target', target))))
                    ),
                    self._speed.of((target, name, labels), value, now)
                    if grows
                    else value,
                )
                for (name, labels), (value, grows) in found.series.items()
            )
            for name, value in (
                ('up', up),
                ('scrape_seconds', found.seconds),
                ('series', len(found.series) if up == 1 else base.NAN),
                ('series_dropped', found.dropped),
            ):
                yield base.sample(f'prometheus.{name}', value, target=target)
        # series that are no longer told
        self._speed.forget(now - 3600)

    def _scrape(self, target):
        """
        :returns: Scrape
        :raises OSError, http.client.HTTPException, ValueError: it gives
            nothing that can be used
        """
        answer = web.get(
            target[1],
            self.options.timeout,
            self._context,
            limit=BYTES,
            Accept='text/plain;version=0.0.4',
        )
        if answer.status != 200:
            raise ValueError(f'status {answer.status}')
        if len(answer.body) == BYTES:
            raise ValueError(f'more than {BYTES} bytes')
        found = Scrape(round(answer.seconds, 6))
        text = answer.body.decode('utf-8', 'replace')
        is_open = answer.content_type.startswith('application/openmetrics')
        found.read(text, self._wanted, is_open)
        return found


class Scrape:
    """What one target told.

    :ivar series: {(name, labels): (value, whether it is a counter)}
    :ivar dropped: number of series that are not among them and were wanted
    """

    def __init__(self, seconds=base.NAN):
        self.seconds = seconds
        self.series = {}
        self.dropped = 0 if math.isfinite(seconds) else base.NAN

    def read(self, text, wanted, is_open=False):
        """
        :param wanted: tells of a metric's name whether it is to be taken
        :param is_open: whether it is in the format of OpenMetrics
        :raises ValueError: it is in neither
        """
        # who has no exporters need not have these in memory
        if is_open:
            from prometheus_client.openmetrics import parser

            # which would miss what is left out
            kept = text
        else:
            from prometheus_client import parser

            kept, self.dropped = reduced(text, wanted)
        try:
            for family in parser.text_string_to_metric_families(kept):
                for sample in family.samples:
                    if wanted(sample.name):
                        self._take(family.type, sample)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f'it can not be read ({error!r:.80})')

    def _take(self, kind, sample):
        name = sample.name
        whole = kind in ('histogram', 'gaugehistogram', 'summary')
        if name.endswith('_created') or (
            kind in ('histogram', 'gaugehistogram')
            and name.endswith('_bucket')
        ):
            return
        grows = (
            kind == 'counter'
            or (whole and name.endswith(('_sum', '_count')))
            or (kind in ('unknown', 'untyped') and name.endswith('_total'))
        )
        # one without a value is none, as Prometheus has it
        labels = {k: v for k, v in sample.labels.items() if v}
        if (
            len(self.series) >= SERIES
            or len(labels) > LABELS
            or max(map(len, (name, *labels, *labels.values()))) > CHARACTERS
        ):
            self.dropped += 1
            return
        value = float(sample.value)
        value = value if math.isfinite(value) else base.NAN
        self.series[name, _dimensions(labels)] = value, grows


def _dimensions(labels):
    return tuple(
        (f'exported_{label}' if label in _OURS else label, value)
        for label, value in sorted(labels.items())
    )


def reduced(text, wanted):
    """What is wanted of a text in the format of Prometheus, for reading all
    of it takes long.

    :returns: (text, number of series that are wanted, and too many)
    """
    histograms, kept, taken, beyond = set(), [], 0, 0
    for line in text.split('\n'):
        if line.startswith('#'):
            found = _TYPE.match(line)
            if found:
                histograms.add(found[1])
            if ' HELP ' not in line[:8]:
                kept.append(line)
            continue
        found = _NAME.match(line)
        name = found[1] if found else ''
        if name.endswith('_bucket') and name[:-7] in histograms:
            continue
        if name and not wanted(name):
            continue
        taken += bool(name)
        if name and taken > SERIES:
            beyond += 1
        else:
            # what is no line at all is not to go unseen
            kept.append(line)
    return '\n'.join(kept) + '\n', beyond
