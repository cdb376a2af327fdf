#include "llm/openai.hpp"

#include <fmt/format.h>

#include <array>

#include "llm/openai_wire.hpp"
#include "net/url.hpp"

namespace llm {
namespace {

using base::Task;

class OpenAi final : public Provider {
 public:
  OpenAi(std::string_view name, OpenAiDialect dialect, net::HttpRequest request,
         const ProviderDependencies& dependencies)
      : name_(name), dialect_(std::move(dialect)), request_(std::move(request)), deps_(dependencies) {}

  std::string_view name() const override { return name_; }
  std::string_view default_model() const override { return dialect_.model; }
  Task<Reply> complete(const Request& request, const Sink& sink) override;
  Task<Health> health() override;

 private:
  std::string name_;
  OpenAiDialect dialect_;
  net::HttpRequest request_;  // all but the body
  ProviderDependencies deps_;
  HealthCheck health_;
};

Task<Reply> OpenAi::complete(const Request& request, const Sink& sink) {
  const bool streamed = static_cast<bool>(sink);
  auto http = request_;
  http.url = net::join_path(http.url, "/chat/completions");
  http.headers.emplace_back("Accept", streamed ? "text/event-stream" : "application/json");
  http.body = openai_request_body(dialect_, request, streamed);
  const auto prompt_tokens = estimate_prompt(request);  // now: the text may be gone once the answer comes
  const VendorCall call{.deps = deps_, .server = request_.url.authority};
  OpenAiAnswer answer(call.server, sink);
  const auto headers = co_await call_vendor(call, std::move(http), request.timeouts, streamed, answer);
  auto reply = std::move(answer).reply(prompt_tokens, dialect_.model);
  if (const auto id = headers.find("x-request-id"); !id.empty()) reply.provider_request_id = id;
  co_return reply;
}

Task<Health> OpenAi::health() {
  const net::HttpRequest request{.url = net::join_path(request_.url, "/models"), .headers = request_.headers};
  co_return co_await health_.get(deps_, request, request_.url.authority);
}

net::HttpRequest post_to(const std::string& base_url) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = net::parse_url(base_url);
  request.headers = {{"Content-Type", "application/json"}};
  // The model's work may be done twice when a kept connection breaks; no state changes by it.
  request.repeatable = true;
  return request;
}

void need_model(const Model& model, std::string_view server) {
  if (!model.id.empty()) return;
  throw base::Error(base::Code::validation_error,
                    fmt::format("no model is configured for {}; set llm.model to one that it serves", server));
}

void check_token_parameter(std::string_view parameter) {
  if (parameter.empty() || parameter == "max_tokens" || parameter == "max_completion_tokens") return;
  throw base::Error(base::Code::validation_error, "token_parameter must be max_tokens or max_completion_tokens");
}

void add_key(net::HttpRequest& request, const char* header, std::string_view prefix, const base::Secret& key) {
  if (key.empty()) return;
  check_header("api_key", key.reveal());
  request.headers.emplace_back(header, std::string(prefix) + key.reveal());
}

OpenAiDialect dialect_of(const Model& model, std::string_view token_parameter) {
  check_token_parameter(model.token_parameter);
  return {.model = model.id,
          .token_parameter = model.token_parameter.empty() ? std::string(token_parameter) : model.token_parameter,
          .says_temperature = model.temperature};
}

}  // namespace

std::unique_ptr<Provider> make_openai(const Model& model, const OpenAiOptions& options,
                                      const ProviderDependencies& dependencies) {
  auto request = post_to(model.base_url.empty() ? options.base_url : model.base_url);
  need_model(model, request.url.authority);
  add_key(request, "Authorization", "Bearer ", options.api_key);
  for (const auto& [name, value] :
       {std::pair{"OpenAI-Organization", &options.organization}, std::pair{"OpenAI-Project", &options.project}}) {
    if (value->empty()) continue;
    check_header(name, *value);
    request.headers.emplace_back(name, *value);
  }
  const bool openai = request.url.host == "api.openai.com";
  auto dialect = dialect_of(model, openai ? "max_completion_tokens" : "max_tokens");
  dialect.says_store = openai;
  dialect.store = options.store;
  dialect.fixed_temperature_for_reasoning = openai;
  return std::make_unique<OpenAi>("openai", std::move(dialect), std::move(request), dependencies);
}

std::unique_ptr<Provider> make_compatible(const Model& model, const CompatibleOptions& options,
                                          const ProviderDependencies& dependencies) {
  auto request = post_to(model.base_url.empty() ? options.base_url : model.base_url);
  need_model(model, request.url.authority);
  add_key(request, "Authorization", "Bearer ", options.api_key);
  return std::make_unique<OpenAi>("compatible", dialect_of(model, "max_tokens"), std::move(request), dependencies);
}

std::unique_ptr<Provider> make_azure(const Model&, const AzureOptions&, const ProviderDependencies&) {
  throw base::Error(base::Code::validation_error, "the vendor azure is not there yet");
}

}  // namespace llm
