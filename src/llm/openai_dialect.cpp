#include <charconv>

#include "base/error.hpp"
#include "llm/openai_body.hpp"

namespace llm {
namespace {

constexpr const char* kMaxTokens = "max_tokens";
constexpr const char* kMaxCompletionTokens = "max_completion_tokens";

bool is_o_series(std::string_view id) { return id.size() >= 2 && id[0] == 'o' && id[1] >= '1' && id[1] <= '9'; }

// 5 of "gpt-5.2", 0 of what is called otherwise. A deployment at Azure is often named without the dot: gpt-35-turbo.
int generation(std::string_view id) {
  constexpr std::string_view kFamily = "gpt-";
  if (!id.starts_with(kFamily)) return 0;
  int number = 0;
  std::from_chars(id.data() + kFamily.size(), id.data() + id.size(), number);
  return number < 20 ? number : number / 10;
}

bool reasons(std::string_view id) { return is_o_series(id) || (generation(id) >= 5 && id.find("-chat") == id.npos); }

std::string_view encoding_of(std::string_view id) {
  if (is_o_series(id) || generation(id) >= 5) return "o200k_base";
  for (const std::string_view family : {"gpt-4.1", "gpt-41", "gpt-4o", "chatgpt-4o"}) {
    if (id.starts_with(family)) return "o200k_base";
  }
  return generation(id) == 4 || generation(id) == 3 ? "cl100k_base" : "";
}

OpenAiDialect dialect_of(const Model& model, const char* token_parameter) {
  const auto& wanted = model.token_parameter;
  if (!wanted.empty() && wanted != kMaxTokens && wanted != kMaxCompletionTokens) {
    throw base::Error(base::Code::validation_error, "token_parameter must be max_tokens or max_completion_tokens");
  }
  return {.model = model.id,
          .token_parameter = wanted.empty() ? std::string(token_parameter) : wanted,
          .reasoning_effort = model.reasoning_effort,
          .room = room_of(model),
          .structured = model.structured,
          .says_temperature = model.temperature};
}

}  // namespace

Model openai_defaults(Vendor vendor, std::string_view id) {
  Model model{.code = std::string(id), .vendor = vendor, .id = std::string(id)};
  if (vendor == Vendor::compatible) return model;
  model.encoding = encoding_of(id);
  if (!reasons(id)) return model;
  model.temperature = false;
  model.token_parameter = kMaxCompletionTokens;
  const bool pro = id.find("-pro") != id.npos;
  if (pro) model.api = OpenAiApi::responses;  // the only one that has them
  // The large ones take no effort but their own.
  if (!pro) model.reasoning_effort = "low";
  model.reasoning_tokens = pro ? 16'384 : 4'096;
  model.max_output_tokens = 32'768;  // all of them can do more
  return model;
}

OpenAiDialect openai_dialect(const Model& model, const OpenAiOptions& options, std::string_view host) {
  const bool openai = host == "api.openai.com" || host.ends_with(".api.openai.com");
  const bool thinks = !model.temperature || !model.reasoning_effort.empty();
  auto dialect = dialect_of(model, openai || thinks ? kMaxCompletionTokens : kMaxTokens);
  dialect.says_store = openai || options.store;
  dialect.store = options.store;
  dialect.says_cache_key = openai;
  dialect.says_obfuscation = openai;
  return dialect;
}

OpenAiDialect azure_dialect(const Model& model) { return dialect_of(model, kMaxCompletionTokens); }

OpenAiDialect compatible_dialect(const Model& model) { return dialect_of(model, kMaxTokens); }

}  // namespace llm
