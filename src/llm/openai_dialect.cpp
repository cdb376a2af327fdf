#include <array>

#include "base/error.hpp"
#include "llm/openai_body.hpp"

namespace llm {
namespace {

constexpr const char* kMaxTokens = "max_tokens";
constexpr const char* kMaxCompletionTokens = "max_completion_tokens";

bool is_o_series(std::string_view id) { return id.size() >= 2 && id[0] == 'o' && id[1] >= '1' && id[1] <= '9'; }

bool reasons(std::string_view id) {
  return is_o_series(id) || (id.starts_with("gpt-5") && id.find("-chat") == id.npos);
}

std::string_view encoding_of(std::string_view id) {
  if (is_o_series(id)) return "o200k_base";
  for (const std::string_view family : {"gpt-5", "gpt-4.1", "gpt-4o", "chatgpt-4o"}) {
    if (id.starts_with(family)) return "o200k_base";
  }
  return id.starts_with("gpt-4") || id.starts_with("gpt-3.5") ? "cl100k_base" : "";
}

OpenAiDialect dialect_of(const Model& model, const char* token_parameter) {
  const auto& wanted = model.token_parameter;
  if (!wanted.empty() && wanted != kMaxTokens && wanted != kMaxCompletionTokens) {
    throw base::Error(base::Code::validation_error, "token_parameter must be max_tokens or max_completion_tokens");
  }
  return {.model = model.id,
          .token_parameter = wanted.empty() ? std::string(token_parameter) : wanted,
          .reasoning_effort = model.reasoning_effort,
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
  // Thoughts count as tokens of the answer. At the model's own effort a coach's short reply could be all thought; the
  // large ones take none but their own.
  if (!pro) model.reasoning_effort = "low";
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
