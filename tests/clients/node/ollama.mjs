// npm ollama.
import {Ollama} from 'ollama';
import {DESCRIPTIONS, endless, PARAMETERS, PLACE, TOOLS, TURNS_MAX} from '../tasks.mjs';

export const subjects = 'chat stream tools structured embed';

const client = (given) => new Ollama({host: given.url});
const words = (given) => ({
  model: given.model,
  messages: [{role: 'user', content: given.question}],
  options: {temperature: given.temperature, num_predict: given.tokens},
});

export async function chat(given) {
  const answer = await client(given).chat(words(given));
  return {text: answer.message.content, usage: [answer.prompt_eval_count, answer.eval_count]};
}

export async function* stream(given) {
  const parts = await client(given).chat({...words(given), stream: true});
  try {
    for await (const part of parts) {
      if (part.message.content) yield part.message.content;
    }
  } finally {
    parts.abort();
  }
}

export async function tools(given) {
  const asks = client(given);
  const own = Object.keys(TOOLS).map((name) => ({
    type: 'function',
    function: {name, description: DESCRIPTIONS[name], parameters: PARAMETERS[name]},
  }));
  const messages = [...words(given).messages];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const asked = {...words(given), messages, tools: own};
    let message = {role: 'assistant', content: '', tool_calls: []};
    if (given.streamed) {
      for await (const part of await asks.chat({...asked, stream: true})) {
        message.content += part.message.content ?? '';
        message.tool_calls.push(...(part.message.tool_calls ?? []));
      }
    } else {
      ({message} = await asks.chat(asked));
    }
    if (!message.tool_calls?.length) return message.content;
    messages.push(message);
    for (const {function: {name, arguments: given_to}} of message.tool_calls) {
      messages.push({role: 'tool', tool_name: name, content: TOOLS[name](given_to)});
    }
  }
  throw endless();
}

export async function structured(given) {
  const answer = await client(given).chat({...words(given), format: PLACE});
  return JSON.parse(answer.message.content);
}

export async function embed(given) {
  return (await client(given).embed({model: given.embedding, input: given.texts})).embeddings;
}
