// npm openai.
import OpenAI from 'openai';
import {DESCRIPTIONS, PARAMETERS, PLACE, TOOLS, TURNS_MAX} from '../tasks.mjs';

export const subjects = 'chat stream tools structured embed';

const client = (given) => new OpenAI({baseURL: `${given.url}/v1`, apiKey: 'none', maxRetries: 0});
const words = (given) => ({
  model: given.model,
  messages: [{role: 'user', content: given.question}],
  max_tokens: given.tokens,
  temperature: given.temperature,
});

export async function chat(given) {
  const {choices, usage} = await client(given).chat.completions.create(words(given));
  return {text: choices[0].message.content, usage: [usage.prompt_tokens, usage.completion_tokens]};
}

export async function* stream(given) {
  for await (const event of await client(given).chat.completions.create({...words(given), stream: true})) {
    if (event.choices[0]?.delta.content) yield event.choices[0].delta.content;
  }
}

// The client's own loop: it calls the functions and goes on by itself.
export async function tools(given) {
  const own = Object.keys(TOOLS).map((name) => ({
    type: 'function',
    function: {name, description: DESCRIPTIONS[name], parameters: PARAMETERS[name], parse: JSON.parse,
               function: TOOLS[name]},
  }));
  const asked = {...words(given), tools: own, stream: given.streamed};
  return client(given).chat.completions.runTools(asked, {maxChatCompletions: TURNS_MAX}).finalContent();
}

export async function structured(given) {
  const response_format = {type: 'json_schema', json_schema: {name: 'place', strict: true, schema: PLACE}};
  const {choices} = await client(given).chat.completions.create({...words(given), response_format});
  return JSON.parse(choices[0].message.content);
}

export async function embed(given) {
  const {data} = await client(given).embeddings.create({model: given.embedding, input: given.texts});
  return data.map((entry) => entry.embedding);
}
