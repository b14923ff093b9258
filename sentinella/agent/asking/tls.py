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

"""What certificates say, and who trusts them."""

import datetime
import ssl

from sentinella import exceptions

_DAY = 86400.0


def verified(group, cafile=None):
    """A TLS context for those who must know whom they talk to.

    :param cafile: of the authorities; None for the system's
    :raises InvalidConfiguration: it can't be used; names the option of this
        `group`
    """
    try:
        return ssl.create_default_context(cafile=cafile)
    except OSError as error:
        reason = getattr(error, 'reason', None) or error.strerror
        raise exceptions.InvalidConfiguration(
            f'[{group}] cafile {cafile}: expected certificates (PEM): {reason}'
        )


def expiry(der):
    """
    :param der: a certificate
    :returns: when it ends to be valid, seconds since the epoch
    :raises ValueError: it is none
    """
    from cryptography import x509

    return _ends(x509.load_der_x509_certificate(der))


def first_expiry(pem):
    """
    :param pem: what is in a file: certificates, perhaps keys
    :returns: when the first of its certificates ends to be valid; None
        where it holds none
    :raises ValueError: one of them can't be read
    """
    if b'-----BEGIN CERTIFICATE-----' not in pem:
        return None
    from cryptography import x509

    return min(map(_ends, x509.load_pem_x509_certificates(pem)))


def days_left(end, now):
    """
    :returns: days until then; negative ones have passed
    """
    return round((end - now) / _DAY, 3)


def _ends(certificate):
    end = certificate.not_valid_after_utc
    # year 9999 says that it never ends
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (end - epoch).total_seconds()
