// npm @anthropic-ai/sdk.
import Anthropic from '@anthropic-ai/sdk';
import {DESCRIPTIONS, endless, PARAMETERS, PLACE, TOOLS, TURNS_MAX} from '../tasks.mjs';

export const subjects = 'chat stream tools structured';

const client = (given) => new Anthropic({baseURL: given.url, apiKey: 'none', maxRetries: 0});
const words = (given) => ({
  model: given.model,
  messages: [{role: 'user', content: given.question}],
  max_tokens: given.tokens,
  temperature: given.temperature,
});

export async function chat(given) {
  const {content, usage} = await client(given).messages.create(words(given));
  return {text: content[0].text, usage: [usage.input_tokens + (usage.cache_read_input_tokens ?? 0), usage.output_tokens]};
}

export async function* stream(given) {
  const events = client(given).messages.stream(words(given));
  for await (const event of events) {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text;
  }
}

export async function tools(given) {
  const {messages: messenger} = client(given);
  const own = Object.keys(TOOLS).map((name) => ({name, description: DESCRIPTIONS[name], input_schema: PARAMETERS[name]}));
  const messages = [...words(given).messages];
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const asked = {...words(given), messages, tools: own};
    const answer = given.streamed ? await messenger.stream(asked).finalMessage() : await messenger.create(asked);
    if (answer.stop_reason !== 'tool_use') {
      return answer.content.filter((block) => block.type === 'text').map((block) => block.text).join('');
    }
    const calls = answer.content.filter((block) => block.type === 'tool_use');
    const results = calls.map(({id, name, input}) => ({type: 'tool_result', tool_use_id: id, content: TOOLS[name](input)}));
    messages.push({role: 'assistant', content: answer.content}, {role: 'user', content: results});
  }
  throw endless();
}

export async function structured(given) {
  const output_config = {format: {type: 'json_schema', schema: PLACE}};
  const {content} = await client(given).messages.create({...words(given), output_config});
  return JSON.parse(content[0].text);
}
