// What becomes of alarms, as it happens: GET /v1/events for web pages.
//
// EventSource can't send X-Auth-Token, so this is what it does, with fetch().

// Seconds without a word after which a connection is given up; the API says
// something every ten. Seconds to wait before the next.
const SILENCE = 30;
const PAUSE = 1;
const BUSY = 10;

// url: of the API, such as https://cloud:9899/v1/events?severity=critical
// token: function that returns a token, or a promise of one
// show: called with each event, in their order, each once
// signal: an AbortSignal that ends it
//
// It ends by itself only where it would be in vain to come again: the promise
// is rejected with what the API said.
export async function watch(url, token, show, signal) {
  let last = null;
  while (!signal.aborted) {
    let pause = PAUSE;
    const here = new AbortController();
    const timer = restless(() => here.abort());
    try {
      const headers = {'X-Auth-Token': await token()};
      if (last !== null) headers['Last-Event-ID'] = last;
      const answer = await fetch(url, {
        headers, cache: 'no-store',
        signal: AbortSignal.any([signal, here.signal]),
      });
      if (answer.status >= 500) {
        pause = Number(answer.headers.get('Retry-After')) || BUSY;
      } else if (!answer.ok) {
        throw new Refused(await answer.text());
      } else {
        for await (const message of messages(answer.body, timer)) {
          last = message.id ?? last;
          if (message.data !== undefined) show(JSON.parse(message.data));
        }
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      // the connection broke: the next one gets what is missing
    } finally {
      timer.stop();
      here.abort();
    }
    await new Promise(resolve => setTimeout(resolve, pause * 1000));
  }
}

class Refused extends Error {}

function restless(give_up) {
  let timer = setTimeout(give_up, SILENCE * 1000);
  const stop = () => clearTimeout(timer);
  const rest = () => { stop(); timer = setTimeout(give_up, SILENCE * 1000); };
  return {stop, rest};
}

async function* messages(body, timer) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    timer.rest();
    const parts = (text + value).split('\n\n');
    text = parts.pop();
    for (const part of parts) yield fields(part);
  }
}

function fields(part) {
  const found = {};
  for (const line of part.split('\n')) {
    const at = line.indexOf(': ');
    if (at > 0) found[line.slice(0, at)] = line.slice(at + 2);
  }
  return found;
}
