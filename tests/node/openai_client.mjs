// The official openai package for JavaScript against a running Weir. `--list` names the cases; with a case as argument
// it runs that one and exits 0 when it holds. WEIR_URL, WEIR_MODEL, WEIR_EMBEDDING and WEIR_NODE_HOME are given.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';

const require = createRequire(`${process.env.WEIR_NODE_HOME}/`);
const {default: OpenAI, toFile} = require('openai');
const model = process.env.WEIR_MODEL;
const client = () =>
    new OpenAI({baseURL: `${process.env.WEIR_URL}/v1`, apiKey: 'none', maxRetries: 0});
const question = (text, more = {}) =>
    ({model, messages: [{role: 'user', content: text}], max_tokens: 12, temperature: 0, ...more});

const cases = {
  async chat() {
    const answer = await client().chat.completions.create(question('What is the capital of France? One word.'));
    assert.match(answer.choices[0].message.content, /Paris/);
    assert.ok(answer.usage.total_tokens > 0);
  },

  async stream() {
    let text = '', end = null;
    const stream = await client().chat.completions.create(question('What is the capital of France? One word.', {stream: true}));
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
      end = chunk.choices[0]?.finish_reason ?? end;
    }
    assert.match(text, /Paris/);
    assert.ok(['stop', 'length'].includes(end));
  },

  async stream_runner_collects_the_message() {
    const runner = client().chat.completions.stream(question('Say hello.'));
    assert.ok((await runner.finalContent()).length > 0);
  },

  async abort_in_the_middle() {
    const stream = await client().chat.completions.create(question('Tell a story.', {stream: true, max_tokens: 400}));
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      stream.controller.abort();
      break;
    }
    const answer = await client().chat.completions.create(question('Hi', {max_tokens: 2}));
    assert.ok(answer.choices[0]);
  },

  async embeddings() {
    const answer = await client().embeddings.create({model: process.env.WEIR_EMBEDDING, input: ['river', 'dam']});
    assert.equal(answer.data.length, 2);
    assert.equal(answer.data[1].embedding.length, 384);
    const length = Math.hypot(...answer.data[0].embedding);
    assert.ok(Math.abs(length - 1) < 1e-3, `not normalised: ${length}`);
  },

  async models() {
    const names = [];
    for await (const entry of client().models.list()) names.push(entry.id);
    assert.ok(names.includes(model));
  },

  async tool_required() {
    const parameters = {type: 'object', properties: {city: {type: 'string', maxLength: 20}}, required: ['city']};
    const answer = await client().chat.completions.create(question('The weather in Paris?', {
      max_tokens: 80, tool_choice: 'required', tools: [{type: 'function', function: {name: 'weather', parameters}}],
    }));
    const call = answer.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, 'weather');
    assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
  },

  async responses_go_on_from_the_last() {
    const responses = client().responses;
    const asked = {model, max_output_tokens: 16, temperature: 0};
    const first = await responses.create({...asked, input: 'What is the capital of France? One word.'});
    assert.match(first.output_text, /Paris/);
    const second = await responses.create({...asked, input: 'And of Italy?', previous_response_id: first.id});
    assert.equal(second.previous_response_id, first.id);
    assert.ok(second.usage.input_tokens > first.usage.input_tokens);
    assert.equal((await responses.retrieve(second.id)).output_text, second.output_text);
    await responses.delete(first.id);
    await assert.rejects(responses.retrieve(first.id), OpenAI.NotFoundError);
  },

  async responses_stream_in_order() {
    const events = [];
    const stream = client().responses.stream({model, input: 'Say hello.', max_output_tokens: 12, temperature: 0});
    for await (const event of stream) events.push(event);
    assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
    const text = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta).join('');
    assert.equal((await stream.finalResponse()).output_text, text);
  },

  async vector_stores_upload_and_search() {
    const {files, vectorStores} = client();
    const text = (name, content) => toFile(Buffer.from(content), name);
    const store = await vectorStores.create({name: 'Harbour of JavaScript'});
    const batch = await vectorStores.fileBatches.uploadAndPoll(store.id, {files: [
      await text('tides.md', '# Tides\n\nA spring tide follows the new moon and the full moon.\n'),
      await text('ferry \u00e4.md', '# Ferry\n\nThe ferry to the island leaves at noon.\n'),
    ]});
    assert.equal(batch.file_counts.completed, 2);
    const found = await vectorStores.search(store.id, {query: 'when does the ferry leave?'});
    assert.equal(found.data[0].filename, 'ferry \u00e4.md');
    const content = await (await files.content(found.data[0].file_id)).text();
    assert.match(content, /leaves at noon/);
    await vectorStores.files.update(found.data[0].file_id, {vector_store_id: store.id, attributes: {kind: 'times'}});
    const filters = {type: 'ne', key: 'kind', value: 'times'};
    const others = await vectorStores.search(store.id, {query: 'when does the ferry leave?', filters});
    assert.ok(others.data.every((hit) => hit.filename === 'tides.md'));
    assert.ok((await vectorStores.delete(store.id)).deleted);
    await assert.rejects(vectorStores.retrieve(store.id), OpenAI.NotFoundError);
  },

  async unknown_model_is_a_typed_error() {
    await assert.rejects(client().chat.completions.create({...question('Hi'), model: 'no-such-model'}), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, 'model_not_found');
      return true;
    });
  },

  async bad_parameter_is_a_typed_error() {
    await assert.rejects(client().chat.completions.create(question('Hi', {temperature: 'hot'})), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, 'temperature');
      return true;
    });
  },
};

const wanted = process.argv[2];
if (wanted === '--list') {
  console.log(Object.keys(cases).join('\n'));
} else if (cases[wanted]) {
  await cases[wanted]();
} else {
  console.error(`openai_client.mjs: no case ${wanted}; --list names them`);
  process.exitCode = 2;
}
