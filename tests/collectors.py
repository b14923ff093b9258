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

"""What tests of collectors share."""

import types

from oslo_config import cfg


def make(collector, node=None, **options):
    """
    :param collector: a class
    :param options: values of its own options
    :returns: an instance that has nothing but these
    """
    conf = cfg.ConfigOpts()
    conf([], project='sentinella', default_config_files=[])
    group = collector.group()
    conf.register_opts(collector.OPTIONS, group=group)
    for name, value in options.items():
        conf.set_override(name, value, group=group)
    return collector(conf, node or types.SimpleNamespace(services={}))


def make_from(collector, path):
    """As :func:`make`, with the options that a file sets."""
    conf = cfg.ConfigOpts()
    conf([], project='sentinella', default_config_files=[path])
    return collector(conf, types.SimpleNamespace(services={}))


def values(samples):
    """
    :returns: {(name, values of the dimensions, by their names' order):
        value}
    """
    return {
        (s.metric.name, *(value for _, value in s.metric.dimensions)): s.value
        for s in samples
    }
