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

"""Lines as oslo.log itself writes them, in whatever way it is told to."""

import datetime
import io
import logging
import os
import sys
import time

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslo_config import cfg
from oslo_context import context
from oslo_log import formatters
from oslo_log import log
from oslotest import base

from sentinella.agent.node import places
from sentinella.agent.logs import layout
from sentinella.agent.logs import oslo
from sentinella.agent.logs import recognise
from sentinella.agent.logs import settings
from sentinella.agent.logs import wrapped

#: Ways in which services are told to log; the options that are set.
WAYS = {
    'default': {},
    'no date': {'log_date_format': '%H:%M:%S'},
    'zone': {'log_date_format': '%Y-%m-%dT%H:%M:%S%z'},
    'day first': {'log_date_format': '%d/%b/%Y %H:%M:%S'},
    'short identity': {'logging_user_identity_format': '%(user)s'},
    'no context': {
        'logging_context_format_string': '%(asctime)s.%(msecs)03d '
        '%(process)d %(levelname)s %(name)s %(message)s',
        'logging_default_format_string': '%(asctime)s.%(msecs)03d '
        '%(process)d %(levelname)s %(name)s %(message)s',
    },
    'other order': {
        'logging_context_format_string': '%(levelname)-8s %(asctime)s '
        '(%(process)d) %(name)s: [%(request_id)s] %(instance)s%(message)s',
        'logging_default_format_string': '%(levelname)-8s %(asctime)s '
        '(%(process)d) %(name)s: [-] %(instance)s%(message)s',
        'logging_exception_prefix': 'ERROR    %(asctime)s (%(process)d) '
        '%(name)s: ',
    },
    'names': {
        'logging_context_format_string': '%(asctime)s.%(msecs)03d '
        '%(process)d %(levelname)s %(name)s [%(request_id)s '
        '%(project_name)s %(user_name)s] %(instance)s%(message)s',
    },
    'colours': {
        'logging_context_format_string': '%(asctime)s.%(msecs)03d '
        '%(color)s%(levelname)s %(name)s [\x1b[01;36m%(request_id)s '
        '\x1b[00;36m%(project_name)s %(user_name)s%(color)s] '
        '\x1b[01;35m%(instance)s%(color)s%(message)s\x1b[00m',
        'logging_default_format_string': '%(asctime)s.%(msecs)03d '
        '%(color)s%(levelname)s %(name)s [\x1b[00;36m-%(color)s] '
        '\x1b[01;35m%(instance)s%(color)s%(message)s\x1b[00m',
        'logging_exception_prefix': '%(color)s%(asctime)s.%(msecs)03d '
        'TRACE %(name)s \x1b[01;35m%(instance)s\x1b[00m',
    },
    'devstack': {
        'logging_context_format_string': wrapped.DEVSTACK.context,
        'logging_default_format_string': wrapped.DEVSTACK.default,
        'logging_exception_prefix': wrapped.DEVSTACK.exception,
        'logging_debug_format_suffix': '{{(pid=%(process)d) %(funcName)s}}',
    },
    'thread': {
        'logging_context_format_string': '%(asctime)s.%(msecs)03d '
        '%(process)d %(threadName)s %(levelname)s %(name)s '
        '[%(global_request_id)s %(request_id)s %(user_identity)s] '
        '%(instance)s%(message)s',
        'logging_default_format_string': '%(asctime)s.%(msecs)03d '
        '%(process)d %(threadName)s %(levelname)s %(name)s [-] '
        '%(instance)s%(message)s',
        'logging_exception_prefix': '%(asctime)s.%(msecs)03d %(process)d '
        '%(threadName)s ERROR %(name)s %(instance)s',
    },
}


class Service:
    """A service that logs, as it is told by its configuration."""

    def __init__(self, options):
        self.conf = cfg.ConfigOpts()
        log.register_options(self.conf)
        self.conf([])
        for name, value in options.items():
            self.conf.set_override(name, value)
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(
            formatters.ContextFormatter(
                config=self.conf, datefmt=self.conf.log_date_format
            )
        )
        self.logger = logging.Logger(  # noqa: LOG001
            'nova.compute.manager'
        )
        self.logger.addHandler(handler)

    def log(self, level, message, request=None, fails=False, **extra):
        if request is not None:
            extra['context'] = context.RequestContext(
                request_id=request,
                user_id='u1',
                project_id='p1',
                overwrite=False,
            )
        info = None
        if fails:
            try:
                raise KeyError('it')
            except KeyError:
                info = sys.exc_info()
        self.logger.log(level, message, exc_info=info, extra=extra)

    def settings(self, directory):
        path = os.path.join(directory, 'nova.conf')
        with open(path, 'w') as file:
            file.write('[other]\nlog_date_format = %Y\n[DEFAULT]\n')
            for name in settings.OPTIONS:
                file.write(f'{name} = {self.conf[name]}\n')
        return settings.of_files(['/no/such.conf', path])


class TestWays(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def read(self, service, levels):
        parser = oslo.Parser(levels, service.settings(self.directory))
        data = service.stream.getvalue().encode()
        found = []
        for i in range(0, len(data), 97):
            found += parser.feed(data[i : i + 97])
        return found + parser.finish()

    def service(self, options):
        service = Service(options)
        request = 'req-6f9eea36-aef6-4a8c-8ce4-e2e4e1b2a9ba'
        uuid = 'dc3ec2b8-2ee9-4f1c-bb5e-4cdd60ef6a2b'
        service.log(logging.INFO, 'an ERROR in words', request)
        service.log(logging.WARNING, 'careful', request)
        service.log(logging.DEBUG, 'looking up')
        service.log(logging.ERROR, 'broken', request, fails=True)
        service.log(logging.CRITICAL, 'ends', instance_uuid=uuid)
        service.log(logging.ERROR, 'two\n lines')
        service.log(logging.INFO, 'fine')
        return service

    def test_all(self):
        for name, options in WAYS.items():
            try:
                self._check(name, self.service(options))
            except Exception as error:
                raise AssertionError(name) from error

    def _check(self, name, service):
        warning, error, critical, last = self.read(
            service, ('WARNING', 'ERROR', 'CRITICAL')
        )
        self.assertEqual(
            ['WARNING', 'ERROR', 'CRITICAL', 'ERROR'],
            [r.level for r in (warning, error, critical, last)],
        )
        self.assertEqual('careful', warning.message)
        self.assertEqual('two\n lines', last.message)
        self.assertTrue(critical.message.endswith('ends'))
        self.assertIn(
            '[instance: ' if name != 'no context' else 'ends', critical.message
        )
        # oslo.log appends what was raised where no place is told for it
        self.assertTrue(error.message.startswith('broken'))
        lines = error.traceback.splitlines()
        self.assertEqual('Traceback (most recent call last):', lines[0])
        self.assertEqual("KeyError: 'it'", lines[-1])
        self.assertEqual('nova.compute.manager', error.logger)
        if name != 'no context':
            self.assertEqual(
                'req-6f9eea36-aef6-4a8c-8ce4-e2e4e1b2a9ba', error.request_id
            )
        if name != 'devstack':
            read = datetime.datetime.fromisoformat(error.time).timestamp()
            self.assertLess(abs(time.time() - read), 30)
        every = self.read(service, None)
        self.assertEqual(7, len(every))
        self.assertEqual(
            [warning, error, critical, last],
            [r for r in every if r.level not in ('INFO', 'DEBUG')],
        )

    def test_the_default_is_none_of_its_own(self):
        service = Service({})
        self.assertIsNone(service.settings(self.directory))
        self.assertIsNone(settings.of_files([]))

    def test_quotes_and_dollars(self):
        path = os.path.join(self.directory, 'a.conf')
        with open(path, 'w') as file:
            file.write('log_date_format = "%H $$"\n')
        self.assertEqual('%H $', settings.of_files([path]).date)

    def test_of_a_process(self):
        """What a service was told is found by its command line."""
        service = Service(WAYS['other order'])
        service.settings(self.directory)
        path = os.path.join(self.directory, 'nova.conf')
        process = type('P', (), {'pid': os.getpid()})()
        process.title = f'/usr/bin/nova-api --config-file {path}'
        kind = type('K', (), {'log_format': 'oslo', 'project': 'nova'})()
        found = settings.form_of(
            type(
                'S',
                (),
                {
                    'kind': kind,
                    'processes': [process],
                    'place': places.NOWHERE,
                },
            )()
        )
        self.assertEqual('oslo', found.name)
        self.assertIn('%(levelname)-8s', found.settings.context)

    def test_a_default_log_where_another_was_told(self):
        """The file is older than the configuration, say."""
        told = Service(WAYS['other order']).settings(self.directory)
        service = self.service({})
        parser = recognise.Parser(recognise.Form('oslo', told))
        found = parser.feed(service.stream.getvalue().encode())
        self.assertEqual(4, len(found + parser.finish()))

    @hypothesis.settings(deadline=None)
    @hypothesis.given(
        st.text(max_size=80), st.text(max_size=20), st.binary(max_size=200)
    )
    def test_no_format_and_no_line_breaks_it(self, text, date, data):
        told = layout.Settings(text, text, text, date)
        parser = oslo.Parser(settings=told)
        parser.feed(data + b'\n')
        parser.finish()


class TestTimes(base.BaseTestCase):
    def test_what_has_no_day_was_lately(self):
        now = datetime.datetime.now()
        for before in (datetime.timedelta(0), datetime.timedelta(hours=5)):
            then = (now - before).replace(microsecond=0)
            found = layout.to_iso(then.strftime('%H:%M:%S'), '%H:%M:%S')
            self.assertEqual(then.isoformat(' '), found)

    def test_what_has_no_year_was_lately(self):
        then = datetime.datetime.now().replace(microsecond=0)
        then -= datetime.timedelta(days=3)
        found = layout.to_iso(
            then.strftime('%b %d %H:%M:%S.123'), '%b %d %H:%M:%S'
        )
        self.assertEqual(then.isoformat(' ') + '.123', found)

    def test_what_is_in_another_format_is_left(self):
        self.assertEqual('noon', layout.to_iso('noon', '%H:%M:%S'))
