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

"""A process that renders templates of others, and can do nothing else.

What a template costs can't be told by looking at it, and neither a thread nor
a multiplication can be stopped from within; so it is the kernel that stops
this process: after so many seconds of CPU, and at so much memory. It opens no
file and no socket, and there is nothing in it to be found.

It is run as a script, by :mod:`sentinella.notifier.rendering`, and imports
nothing of ours. One line of JSON asks, one answers.
"""

import importlib
import json
import resource
import signal
import sys

#: Bytes of memory, the interpreter's 40 MB among them.
MEMORY = 192 * 2**20

#: What literals, filters and errors import when they are met.
LAZY = (
    'encodings.unicode_escape',
    'html',
    'jinja2.constants',
    'jinja2.debug',
    'pprint',
    'textwrap',
)

#: Characters of an error that are told.
ERROR_LENGTH = 200


def main():
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    sys.path.append(sys.argv[1])
    kitchen = _Kitchen()
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    for line in sys.stdin.buffer:
        print(json.dumps(kitchen.serve(json.loads(line))), flush=True)


class _Kitchen:
    """Jinja, of which all is imported before no file can be opened."""

    def __init__(self):
        for name in LAZY:
            importlib.import_module(name)
        import jinja2.meta
        import jinja2.sandbox

        class Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
            def unsafe_undefined(self, obj, attribute):
                # else it would be empty, and nobody would be told
                raise jinja2.sandbox.SecurityError(
                    f'{attribute!r} of {type(obj).__name__} is out of reach'
                )

        self._jinja2 = jinja2
        self._environments = {
            html: Environment(
                autoescape=html,
                trim_blocks=True,
                lstrip_blocks=True,
                undefined=jinja2.ChainableUndefined,
                finalize=lambda value: '' if value is None else value,
            )
            for html in (False, True)
        }
        for environment in self._environments.values():
            environment.filters['time'] = _time

    def serve(self, asked):
        """
        :param asked: mapping: `templates`, a list of those to render, whose
            results the later ones know by their `form`; `variables`;
            `seconds` of CPU for all; `strict`: unknown names are an error
        :returns: mapping of `texts` and of `troubles` by form
        """
        signal.setitimer(signal.ITIMER_PROF, asked['seconds'])
        variables, texts, troubles = asked['variables'], {}, {}
        for template in asked['templates']:
            form = template['form']
            try:
                if asked['strict']:
                    self._look(template, variables)
                texts[form] = self.render(
                    template, variables, template['longest']
                )
                variables[form] = texts[form]
            except MemoryError:
                troubles[form] = 'more memory than it may have'
            except Exception as error:
                troubles[form] = self._words(error)[:ERROR_LENGTH]
        signal.setitimer(signal.ITIMER_PROF, 0)
        return {'texts': texts, 'troubles': troubles}

    def render(self, template, variables, longest):
        environment = self._environments[template['html']]
        if template['html']:
            # what is HTML already
            known = self._jinja2.utils.markupsafe.Markup(
                variables.get('html', '')
            )
            variables = {**variables, 'html': known}
        parts, length = [], 0
        source = environment.from_string(template['source'])
        for part in source.generate(variables):
            length += len(part)
            if length > longest:
                raise ValueError(f'longer than {longest} characters')
            parts.append(part)
        return ''.join(parts)

    def _look(self, template, variables):
        environment = self._environments[template['html']]
        tree = environment.parse(template['source'])
        unknown = self._jinja2.meta.find_undeclared_variables(tree)
        unknown -= {*variables, *environment.globals}
        if unknown:
            raise ValueError(f'there is no variable {min(unknown)!r}')

    def _words(self, error):
        text = ' '.join(str(error).split()) or type(error).__name__
        if isinstance(error, self._jinja2.TemplateSyntaxError):
            return f'line {error.lineno}: {error.message}'
        return text


def _time(text):
    """As `words.moment` has it; what is no time stays as it is."""
    text = str(text)
    return f'{text[:10]} {text[11:19]} UTC' if text[10:11] == 'T' else text


if __name__ == '__main__':
    main()
