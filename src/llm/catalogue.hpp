#pragma once
// The models that may be asked, as data: models.yaml says who makes them, what they can do, what they cost, until when
// they live, and which one answers what.
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "llm/provider.hpp"

namespace llm {

// compatible: any other server that speaks OpenAI's chat completions (Ollama, llama.cpp, vLLM, …).
enum class Vendor { offline, openai, azure, compatible, anthropic, gemini, bedrock };
BOOST_DESCRIBE_ENUM(Vendor, offline, openai, azure, compatible, anthropic, gemini, bedrock)

enum class OpenAiApi { chat, responses };
BOOST_DESCRIBE_ENUM(OpenAiApi, chat, responses)

// How a model is brought to answer by a JSON Schema: by the vendor's own means, by a tool that it has to call, by being
// told "JSON" and the schema in words, or by the words alone.
enum class StructuredOutput { schema, tool, json, words };
BOOST_DESCRIBE_ENUM(StructuredOutput, schema, tool, json, words)

// USD for a million tokens. Zero is a price too: that of a model on one's own machine.
struct Prices {
  double input = 0;
  double output = 0;
  double cached_input = -1;  // below zero: the same as input
  double cache_write = -1;  // below zero: the same as input
};
BOOST_DESCRIBE_STRUCT(Prices, (), (input, output, cached_input, cache_write))

double cost_usd(const Prices& prices, const Usage& usage);

struct Model {
  std::string code;  // how we name it: in routes, settings, the books
  Vendor vendor = Vendor::offline;
  std::string id;  // how the vendor names it: a model, an inference profile or its ARN, an Azure deployment
  std::string base_url;  // "" for the vendor's in the settings
  std::string region;  // Bedrock; "" for the one in the settings
  OpenAiApi api = OpenAiApi::chat;
  std::int64_t context_tokens = 128'000;
  std::int64_t max_output_tokens = 4'096;
  Prices price;
  StructuredOutput structured = StructuredOutput::schema;
  bool prompt_cache = false;  // takes explicit cache points (Bedrock, Anthropic)
  bool temperature = true;  // false: refuses the parameter, as reasoning models do
  std::string reasoning_effort;  // sent when set: none, minimal, low, medium, high
  std::string token_parameter;  // OpenAI's protocol: max_tokens or max_completion_tokens; "" decides by the vendor
  std::string encoding;  // o200k_base or cl100k_base: counted exactly; "": estimated
  std::string retires_on;  // "2027-02-01"; "" when nothing is known
  std::vector<std::string> fallbacks;  // codes, tried in this order when this model cannot be had
  std::int64_t max_concurrent = 64;  // calls at once, from this process
};
BOOST_DESCRIBE_STRUCT(Model, (),
                      (code, vendor, id, base_url, region, api, context_tokens, max_output_tokens, price, structured,
                       prompt_cache, temperature, reasoning_effort, token_parameter, encoding, retires_on, fallbacks,
                       max_concurrent))

}  // namespace llm
