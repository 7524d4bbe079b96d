// The official openai package of npm against a started server: node client.mjs BASE_URL KEY IMAGE

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const [baseURL, apiKey, path] = process.argv.slice(2);
const model = "readstone-ocr";
const written = ["LANTERN GROCERY", "Rye bread", "22.53", "Thank you for your visit!"];
const client = new OpenAI({ baseURL, apiKey });
const receipt = `data:image/jpeg;base64,${readFileSync(path).toString("base64")}`;

const ask = (image) => [
  {
    role: "user",
    content: [
      { type: "text", text: "Extract all text." },
      { type: "image_url", image_url: { url: image } },
    ],
  },
];

const create = (properties = {}, reader = client) =>
  reader.chat.completions.create({ model, messages: ask(receipt), ...properties });

const mustBeTheReceipt = (text) =>
  written.forEach((words) => assert.ok(text.includes(words), `${words} is not in ${text}`));

const mustRefuse = (call, kind, sentence, code) =>
  assert.rejects(call, (error) => {
    assert.ok(error instanceof kind, `${error}`);
    assert.ok(error.message.includes(sentence), error.message);
    assert.equal(error.code, code);
    assert.ok(error.requestID);
    return true;
  });

const checks = {
  async whole_answer() {
    const answer = await create();
    mustBeTheReceipt(answer.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.usage.completion_tokens > 0);
    assert.ok(answer._request_id);
  },
  async stream() {
    let text = "";
    let usage;
    for await (const chunk of await create({ stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    mustBeTheReceipt(text);
    assert.ok(usage.completion_tokens > 0);
  },
  async stream_helper() {
    const stream = client.chat.completions.stream({ model, messages: ask(receipt) });
    mustBeTheReceipt(await stream.finalContent());
  },
  async models() {
    const found = [];
    for await (const each of client.models.list()) found.push(each.id);
    assert.ok(found.includes(model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async unknown_model() {
    const missing = { model: "readstone-missing" };
    const sentence = "There is no model 'readstone-missing'.";
    await mustRefuse(create(missing), OpenAI.NotFoundError, sentence, "model_not_found");
  },
  async broken_image() {
    const broken = { messages: ask("data:image/png;base64,AAAA") };
    const sentence = "is not an image; send a PDF, or jpeg, png or webp.";
    await mustRefuse(create(broken), OpenAI.BadRequestError, sentence, "invalid_image");
    const streamed = create({ ...broken, stream: true });
    await mustRefuse(streamed, OpenAI.BadRequestError, sentence, "invalid_image");
  },
  async wrong_key() {
    const stranger = new OpenAI({ baseURL, apiKey: "wrong" });
    const sentence = "That is not a key of this server";
    const call = create({}, stranger);
    await mustRefuse(call, OpenAI.AuthenticationError, sentence, "invalid_api_key");
  },
  async a_schema_is_filled() {
    const schema = { type: "object", properties: { total: { type: "number" } } };
    const format = { type: "json_schema", json_schema: { name: "receipt", schema } };
    const answer = await create({ response_format: format });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), { total: 22.53 });
  },
  async tools_are_refused() {
    const tool = { type: "function", function: { name: "total", parameters: { type: "object" } } };
    const sentence = "cannot honour 'tools'";
    const call = create({ tools: [tool] });
    await mustRefuse(call, OpenAI.BadRequestError, sentence, "unsupported_parameter");
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(name);
}
