// Runs one client for JavaScript: `node run.mjs FILE`, with the tasks and answers of run.py. WEIR_NODE_HOME is the folder
// with node_modules: packages are looked up from there, so that a client's file imports them as anybody's does.
import module from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import {pathToFileURL} from 'node:url';
import {ran} from './tasks.mjs';

const home = pathToFileURL(`${process.env.WEIR_NODE_HOME}/clients.mjs`).href;
module.register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (name, context, next) =>
      /^(\\.|node:|file:|data:)/.test(name) || context.parentURL?.includes('/node_modules/')
          ? next(name, context) : next(name, {...context, parentURL: '${home}'});
`)}`);

// Whatever a library prints goes to standard error.
console.log = console.info = console.error;
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();

const told = (error) => ({
  error: error.constructor.name,
  status: error.status ?? error.statusCode ?? error.status_code ?? null,
  text: String(error.message ?? error),
});

async function error(client, given) {
  const pieces = [];
  try {
    if (given.streamed) {
      for await (const piece of client.stream(given)) pieces.push(piece);
    } else {
      await client.chat(given);
    }
  } catch (raised) {
    return {...told(raised), pieces};
  }
  return {error: null, pieces};
}

async function cancel(client, given) {
  const stream = client.stream(given);
  say({started: [(await stream.next()).value]});
  await lines.next();
  await stream.return();
  return {};
}

async function answer(client, subject, given) {
  ran.length = 0;
  if (subject === 'error') return error(client, given);
  if (subject === 'cancel') return cancel(client, given);
  if (subject === 'stream') {
    const pieces = [];
    for await (const piece of client.stream(given)) pieces.push(piece);
    return {pieces};
  }
  const made = await client[subject](given);
  if (subject === 'tools') return {text: made, ran};
  if (subject === 'structured') return {place: made, kind: 'object'};
  return subject === 'embed' ? {vectors: made} : made;
}

const client = await import(pathToFileURL(path.resolve(process.argv[2])).href);
for (let line = await lines.next(); !line.done; line = await lines.next()) {
  const {subject, given} = JSON.parse(line.value);
  try {
    say({result: await answer(client, subject, given)});
  } catch (raised) {
    say({failed: String(raised?.stack ?? raised)});
  }
}
