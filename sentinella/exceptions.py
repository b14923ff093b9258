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

"""What can go wrong, each with one line that names the thing."""


class SentinellaError(Exception):
    """Anything that Sentinella itself raises; its text is for people."""


class NotFound(SentinellaError):
    """There is no such thing, or the asker may not know of it."""


class Conflict(SentinellaError):
    """The thing's present state, or another thing, is in the way."""


class Forbidden(SentinellaError):
    """Policy does not let this user do this."""


class InvalidInput(SentinellaError):
    """A user's value is not what was expected; says which and what."""


class InvalidExpression(InvalidInput):
    """An alarm expression can't be read; says the column and what was
    expected there."""


class InvalidConfiguration(SentinellaError):
    """A file or option holds something that can't be used."""


class Lacking(SentinellaError):
    """A collector needs what it does not have; says what, and the remedy."""

    def __init__(self, what, remedy):
        super().__init__(f'{what}: {remedy}')
        self.what = what
        self.remedy = remedy


class SecretsUnavailable(SentinellaError):
    """Secrets can't be kept or read with the keys that there are."""


class InvalidReport(SentinellaError):
    """An agent sent what can't be decoded."""


class BusUnavailable(SentinellaError):
    """The message bus, or everyone behind it, did not answer in time."""


class ApiUnavailable(SentinellaError):
    """An API of the cloud did not answer what it was asked; says why."""


class Retry(SentinellaError):
    """A notification did not go out this time; it may the next.

    :ivar after: seconds that the other end asked to be left alone for; None
        where it did not
    """

    def __init__(self, text, after=None):
        super().__init__(text)
        self.after = after


class Final(SentinellaError):
    """A notification will never go out this way."""
