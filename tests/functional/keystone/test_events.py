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

"""Events, as two workers of a real server send them to real clients."""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import threading
import time

import requests
from selenium import webdriver
from selenium.webdriver.chrome import options as chrome
from selenium.webdriver.chrome import service as driver

from sentinella.db import alarms
from sentinella.osc import sse
from tests import processes
from tests import webserver
from tests.functional.api import seed
from tests.functional.db import things
from tests.functional.keystone import served

CLIENT = pathlib.Path(__file__).parents[3] / 'doc/source/user/events.js'

#: Seconds from an alarm's commit until a person has to see it.
PROMISED = 1.0

#: Transitions that are written while an API is restarted.
WRITTEN = 60

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync"""

PAGE = """<!DOCTYPE html>
<title>alarms</title>
<ul id="alarms"></ul>
<script type="module">
import {watch} from '/events.js';
window.seen = [];
watch(API, () => TOKEN, event => {
  window.seen.push(event.transition?.id ?? event.kind);
  const item = document.createElement('li');
  item.id = event.transition?.id ?? event.kind;
  item.textContent = `${event.state}: ${event.alarm.summary}`;
  document.getElementById('alarms').append(item);
}, new AbortController().signal);
</script>
"""


class EventsTestCase(served.ServedTestCase):
    threads = 6
    options = '[api]\nmax_streams = 3'

    def happen(self, project='alpha'):
        with self.database.writer() as session:
            alarm = alarms.get(session, seed.number('alarm', project))
            return things.transition(session, alarm, at=time.time()).uuid

    def open_(self, url, persona='reader', **headers):
        """
        :returns: an answer that goes on
        """
        token = self.keystone.token(persona)
        answer = requests.get(
            f'{url}/v1/events',
            headers={'X-Auth-Token': token, **headers},
            stream=True,
            timeout=sse.SILENCE,
        )
        self.addCleanup(answer.close)
        return answer

    def events(self, answer):
        for _, data in sse.read(answer.iter_content(None)):
            yield data and json.loads(data)


class TestStreams(EventsTestCase):
    def test_each_is_told_of_what_they_may_see(self):
        _, url = self.serve()
        streams = {
            persona: self.events(
                self.open_(url, persona, **{'Last-Event-ID': '0'})
            )
            for persona in ('reader', 'stranger', 'system-reader')
        }
        hosts = {
            persona: [
                event['alarm']['server']
                for event in itertools.islice(stream, 1, expected)
            ]
            for (persona, stream), expected in zip(
                streams.items(), (2, 2, 3), strict=True
            )
        }
        self.assertEqual(
            {
                'reader': ['ctl-01'],
                'stranger': ['ctl-02'],
                'system-reader': ['ctl-01', 'ctl-02'],
            },
            hosts,
        )
        # what comes is told to them at once, and to nobody else
        transition = self.happen('beta')
        for persona in ('stranger', 'system-reader'):
            event = next(streams[persona])
            self.assertEqual(transition, event['transition']['id'])
        transition = self.happen('alpha')
        event = next(streams['reader'])
        self.assertEqual(transition, event['transition']['id'])

    def test_there_is_no_room_for_all(self):
        _, url = self.serve()
        answers = [self.open_(url, 'reader') for _ in range(7)]
        refused = [one for one in answers if one.status_code == 503]
        # two workers, each with two at most of the same user
        self.assertGreaterEqual(len(refused), 3)
        self.assertEqual('10', refused[0].headers['Retry-After'])
        self.assertEqual(
            'sentinella.too_many_streams',
            refused[0].json()['errors'][0]['code'],
        )
        # and all else is answered meanwhile
        token = self.keystone.token('reader')
        for _ in range(10):
            requests.get(
                f'{url}/v1/alarms', headers={'X-Auth-Token': token}, timeout=5
            ).raise_for_status()

    def test_whoever_comes_again_misses_nothing(self):
        """While others write, and both workers die in the midst of it."""
        process, url = self.serve()
        port = int(url.rpartition(':')[2])
        written = []
        following = threading.Event()

        def write():
            following.wait(served.DEADLINE)
            for _ in range(WRITTEN):
                written.append(self.happen())
                time.sleep(0.05)

        def restart():
            process.send_signal(signal.SIGTERM)
            process.wait()
            self.serve(port)

        @contextlib.contextmanager
        def open_(headers):
            try:
                yield self.open_(url, **headers)
            finally:
                """Closed in the end."""

        threads = [threading.Thread(target=one) for one in (write, restart)]
        seen = []
        for event in sse.follow(open_, '0', lambda seconds: None):
            if event['transition']['id'] == seed.number('transition', 'alpha'):
                for thread in threads:
                    thread.start()
                following.set()
                continue
            seen.append(event['transition']['id'])
            if len(seen) == WRITTEN:
                break
        for thread in threads:
            thread.join()
        self.assertEqual(written, seen)


class TestBrowser(EventsTestCase):
    def setUp(self):
        self.page = ''
        super().setUp()

    def browse(self, site):
        folder = self.write('').parent / 'profile'
        options = chrome.Options()
        options.binary_location = shutil.which('chromium') or shutil.which(
            'chromium-browser'
        )
        for flag in (*FLAGS.split(), f'--user-data-dir={folder}'):
            options.add_argument(flag)
        browser = webdriver.Chrome(
            options,
            # it is not to look for another one elsewhere
            driver.Service(
                '/usr/bin/chromedriver',
                env={**os.environ, 'SE_OFFLINE': 'true'},
            ),
        )
        self.addCleanup(browser.quit)
        browser.get(f'{site.url}/')
        return browser

    def answer(self, path):
        if path == '/events.js':
            return 200, 'text/javascript', CLIENT.read_bytes()
        return 200, 'text/html', self.page.encode()

    def shown(self, browser, transition):
        """Wait until the page shows it.

        :returns: seconds that took
        """
        began = time.monotonic()
        processes.wait_for(
            lambda: browser.execute_script(
                'return document.getElementById(arguments[0])?.textContent',
                transition,
            ),
            'the page shows the alarm',
        )
        return time.monotonic() - began

    def test_a_page_shows_alarms_whatever_happens(self):
        site = self.useFixture(webserver.WebServer(self.answer))
        self.options = f'[cors]\nallowed_origin = {site.url}'
        self.configure()
        process, url = self.serve()
        address = json.dumps(f'{url}/v1/events')
        token = json.dumps(self.keystone.token('reader'))
        self.page = PAGE.replace('API', address).replace('TOKEN', token)
        browser = self.browse(site)
        self.when_open()
        first = self.happen()
        self.assertLess(self.shown(browser, first), PROMISED)
        text = browser.find_element('id', first).text
        self.assertEqual(
            'ALARM: service down on ctl-01 (service=nova-scheduler)', text
        )
        process.send_signal(signal.SIGTERM)
        process.wait()
        missed = self.happen(), self.happen()
        self.happen('beta')
        self.serve(int(url.rpartition(':')[2]))
        for transition in missed:
            self.shown(browser, transition)
        last = self.happen()
        self.assertLess(self.shown(browser, last), PROMISED)
        self.assertEqual(
            [first, *missed, last],
            browser.execute_script('return window.seen'),
        )

    def when_open(self):
        """Wait until the page's request came."""
        processes.wait_for(
            lambda: 'GET /v1/events" 200' in self.output.read_text(),
            'the page connects',
        )
