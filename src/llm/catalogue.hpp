#pragma once
// The models that may be asked, as data: models.yaml says who makes them, what they can do, what they cost, until when
// they live, and which one answers what.
#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
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
  std::int64_t reasoning_tokens = 0;  // head room for thoughts, which vendors count as tokens of the answer
  std::string token_parameter;  // OpenAI's protocol: max_tokens or max_completion_tokens; "" decides by the vendor
  std::string encoding;  // o200k_base or cl100k_base: counted exactly; "": estimated
  std::string retires_on;  // "2027-02-01"; "" when nothing is known
  std::vector<std::string> fallbacks;  // codes, tried in this order when this model cannot be had
  std::int64_t max_concurrent = 64;  // calls at once, from this process; twice as many wait; 0: no limit
};
BOOST_DESCRIBE_STRUCT(Model, (),
                      (code, vendor, id, base_url, region, api, context_tokens, max_output_tokens, price, structured,
                       prompt_cache, temperature, reasoning_effort, reasoning_tokens, token_parameter, encoding,
                       retires_on, fallbacks, max_concurrent))

// How many tokens a vendor is told that an answer may take: those that were asked for, and room for thoughts as far as the
// model's longest answer has it.
struct AnswerRoom {
  std::int64_t reasoning_tokens = 0;
  std::int64_t max_output_tokens = 0;

  std::int64_t tokens_for(const Request& request) const;
};
AnswerRoom room_of(const Model& model);

// What people pay for, lowest first.
inline constexpr std::array<std::string_view, 4> kTiers{"free", "basic", "premium", "ultimate"};

// Tier -> code of a model.
using ByTier = std::map<std::string, std::string, std::less<>>;

// Which model answers what. A topic's route and `analysis` are for what people read, and leave what they do not name to
// `standard`, which names every tier; assessment, summary and extraction have routes of their own or go there too.
struct Routes {
  ByTier standard;  // "default" in the file
  std::map<std::string, ByTier, std::less<>> purposes;
  std::map<std::string, ByTier, std::less<>> topics;

  // A code; an unknown tier counts as the lowest. "" only when `standard` has no entry for it.
  std::string_view find(Purpose purpose, std::string_view topic, std::string_view tier) const;
};

struct Catalogue {
  std::map<std::string, Model, std::less<>> models;  // by code
  Routes routes;
  // Where things stand, for messages: "models/<code>", "routes/<name>/<tier>" -> "mine.yaml:12".
  std::map<std::string, std::string, std::less<>> origins;

  const Model* find(std::string_view code) const;  // nullptr when there is none
  const Model* find(Vendor vendor, std::string_view id) const;  // the first in the order of codes
  std::string origin(std::string_view path) const;  // of the nearest thing above that has one
};

// One fault of a catalogue, with "file:line" before it, for a person.
using Faults = std::vector<std::string>;

// Lays the models and routes of a YAML text over those that are there: a known code keeps the fields that are not given.
// Never throws for what the file says.
void read_catalogue(std::string_view text, const std::string& file, Catalogue& catalogue, Faults& faults);

// The one in the binary, and over it that of `file` ("" for none). A file that cannot be read is a fault.
Catalogue load_catalogue(const std::string& file, Faults& faults);

// What one part cannot know of another: unknown codes and tiers, cycles of fallbacks, limits that contradict each other.
void check_catalogue(const Catalogue& catalogue, Faults& faults);

// Days from `today` (of UTC) until the model is gone, 0 or less when it is; nullopt when no date is known.
std::optional<std::int64_t> days_left(const Model& model, base::Time now);

// Throws base::ConfigError with every fault; nothing when there are none.
void throw_faults(const Faults& faults);

}  // namespace llm
