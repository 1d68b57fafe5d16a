// npm ai with @ai-sdk/openai-compatible.
import {createOpenAICompatible} from '@ai-sdk/openai-compatible';
import {embedMany, generateText, jsonSchema, Output, isStepCount, streamText, tool} from 'ai';
import {DESCRIPTIONS, PARAMETERS, PLACE, TOOLS, TURNS_MAX} from '../tasks.mjs';

export const subjects = 'chat stream tools structured embed';

const provider = (given) =>
    createOpenAICompatible({name: 'weir', baseURL: `${given.url}/v1`, supportsStructuredOutputs: true});
const words = (given) => ({
  model: provider(given).chatModel(given.model),
  prompt: given.question,
  maxOutputTokens: given.tokens,
  temperature: given.temperature,
  maxRetries: 0,
});

export async function chat(given) {
  const {text, usage} = await generateText(words(given));
  return {text, usage: [usage.inputTokens, usage.outputTokens]};
}

// The text alone, of a stream whose errors are parts of it.
async function* texts(stream) {
  for await (const part of stream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta' && part.text) yield part.text;
  }
}

export async function* stream(given) {
  const controller = new AbortController();
  const {stream: parts} = streamText({...words(given), abortSignal: controller.signal, onError() {}});
  try {
    yield* texts(parts);
  } finally {
    controller.abort();
  }
}

export async function tools(given) {
  const own = Object.fromEntries(Object.keys(TOOLS).map((name) => [name, tool({
    description: DESCRIPTIONS[name],
    inputSchema: jsonSchema(PARAMETERS[name]),
    execute: async (input) => TOOLS[name](input),
  })]));
  const asked = {...words(given), tools: own, stopWhen: isStepCount(TURNS_MAX)};
  if (!given.streamed) return (await generateText(asked)).text;
  return streamText(asked).text;
}

export async function structured(given) {
  const {output} = await generateText({...words(given), output: Output.object({schema: jsonSchema(PLACE)})});
  return output;
}

export async function embed(given) {
  const {embeddings} = await embedMany({model: provider(given).embeddingModel(given.embedding), values: given.texts,
                                        maxRetries: 0});
  return embeddings;
}
