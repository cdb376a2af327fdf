#include "llm/openai.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "llm/openai_body.hpp"
#include "llm/openai_responses_wire.hpp"
#include "llm/openai_wire.hpp"
#include "llm/rate_limits.hpp"
#include "llm/vendor_request.hpp"
#include "net/url.hpp"

namespace llm {
namespace {

using base::Task;

// Where a model is, and how it wants to be spoken to.
struct Server {
  std::string vendor;
  OpenAiApi api;
  OpenAiDialect dialect;
  net::HttpRequest request;  // all but the body
  net::Url models;           // the cheapest route
};

class OpenAi final : public Provider {
 public:
  OpenAi(Server server, const std::string& code, const ProviderDependencies& dependencies)
      : server_(std::move(server)),
        deps_(dependencies),
        limits_(deps_.metrics, code.empty() ? server_.dialect.model : code) {}

  std::string_view name() const override { return server_.vendor; }
  std::string_view default_model() const override { return server_.dialect.model; }
  Task<Reply> complete(const Request& request, const Sink& sink) override;
  Task<Health> health() override;

 private:
  template <class AnswerOfApi>
  Task<Reply> ask(const Request& request, const Sink& sink, std::string body);

  Server server_;
  ProviderDependencies deps_;
  RateLimitGauges limits_;
  HealthCheck health_;
};

Task<Reply> OpenAi::complete(const Request& request, const Sink& sink) {
  const bool streamed = static_cast<bool>(sink);
  if (server_.api == OpenAiApi::responses) {
    co_return co_await ask<ResponsesAnswer>(request, sink, responses_request_body(server_.dialect, request, streamed));
  }
  co_return co_await ask<ChatAnswer>(request, sink, chat_request_body(server_.dialect, request, streamed));
}

std::string request_id(const net::Headers& headers) {
  const auto id = headers.find("x-request-id");
  return std::string(id.empty() ? headers.find("apim-request-id") : id);  // the second is Azure's
}

template <class AnswerOfApi>
Task<Reply> OpenAi::ask(const Request& request, const Sink& sink, std::string body) {
  auto http = server_.request;
  const bool streamed = static_cast<bool>(sink);
  http.headers.emplace_back("Accept", streamed ? "text/event-stream" : "application/json");
  http.body = std::move(body);
  const auto prompt_tokens = estimate_prompt(request);  // now: the text may be gone once the answer comes
  const std::string_view authority = server_.request.url.authority;
  const VendorCall call{.deps = deps_,
                        .server = authority,
                        .trace = request.trace,
                        .failure = [&](int status, const net::Headers& headers, std::string_view answer) {
                          limits_.show(read_rate_limits(headers));
                          return from_status(status, headers, answer, authority, deps_.clock.now());
                        }};
  AnswerOfApi answer(authority, sink, asks_for(StructuredOutput::tool, server_.dialect, request));
  const auto headers = co_await call_vendor(call, std::move(http), request.timeouts, streamed, answer);
  limits_.show(read_rate_limits(headers));
  auto reply = std::move(answer).reply(prompt_tokens, server_.dialect.model);
  if (auto id = request_id(headers); !id.empty()) reply.provider_request_id = std::move(id);
  co_return reply;
}

Task<Health> OpenAi::health() {
  const net::HttpRequest request{.url = server_.models, .headers = server_.request.headers};
  co_return co_await health_.get(deps_, request, server_.request.url.authority);
}

const char* route_of(OpenAiApi api) { return api == OpenAiApi::responses ? "/responses" : "/chat/completions"; }

void add_header(net::HttpRequest& request, const char* name, const std::string& value) {
  if (value.empty()) return;
  check_header(name, value);
  request.headers.emplace_back(name, value);
}

void add_bearer(net::HttpRequest& request, const base::Secret& key) {
  if (key.empty()) return;
  check_header("api_key", key.reveal());
  request.headers.emplace_back("Authorization", "Bearer " + key.reveal());
}

Server server_at(const net::Url& base, std::string vendor, const Model& model, OpenAiDialect dialect) {
  need_model(model, base.authority);
  return {.vendor = std::move(vendor),
          .api = model.api,
          .dialect = std::move(dialect),
          .request = post_to(net::join_path(base, route_of(model.api))),
          .models = net::join_path(base, "/models")};
}

net::Url base_of(const Model& model, const std::string& from_options, const char* option) {
  const auto& base_url = model.base_url.empty() ? from_options : model.base_url;
  if (!base_url.empty()) return net::parse_url(base_url);
  throw base::Error(base::Code::validation_error,
                    fmt::format("neither llm.base_url nor {} is set; one has to say where the server is", option));
}

// In a path or a query without being escaped.
void check_plain(std::string_view name, std::string_view value) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  if (value.find_first_not_of(kPlain) == value.npos) return;
  throw base::Error(base::Code::validation_error,
                    fmt::format("{} may have letters, digits, '-', '.' and '_' alone", name));
}

// By the dated form the deployment stands in the path of chat completions; else, as at OpenAI, in the body.
Server dated_azure(const net::Url& base, const Model& model, const std::string& version) {
  check_plain("llm.azure.api_version", version);
  check_plain("the name of an Azure deployment", model.id);
  auto server = server_at(base, "azure", model, azure_dialect(model));
  const auto query = "?api-version=" + version;
  const auto route = model.api == OpenAiApi::responses
                         ? std::string("/openai/responses")
                         : fmt::format("/openai/deployments/{}/chat/completions", model.id);
  server.request.url = net::join_path(base, route + query);
  server.models = net::join_path(base, "/openai/models" + query);
  return server;
}

// As Azure's portal shows it with some samples, and with others not.
net::Url without_v1(net::Url base) {
  while (base.target.ends_with('/')) base.target.pop_back();
  if (base.target.ends_with("/openai/v1"))
    base.target.resize(base.target.size() - std::string_view("/openai/v1").size());
  return base;
}

}  // namespace

std::unique_ptr<Provider> make_openai(const Model& model, const OpenAiOptions& options,
                                      const ProviderDependencies& dependencies) {
  const auto base = base_of(model, options.base_url, "llm.openai.base_url");
  auto server = server_at(base, "openai", model, openai_dialect(model, options, base.host));
  add_bearer(server.request, options.api_key);
  add_header(server.request, "OpenAI-Organization", options.organization);
  add_header(server.request, "OpenAI-Project", options.project);
  return std::make_unique<OpenAi>(std::move(server), model.code, dependencies);
}

std::unique_ptr<Provider> make_azure(const Model& model, const AzureOptions& options,
                                     const ProviderDependencies& dependencies) {
  const auto base = without_v1(base_of(model, options.base_url, "llm.azure.base_url"));
  auto server = options.api_version.empty()
                    ? server_at(net::join_path(base, "/openai/v1"), "azure", model, azure_dialect(model))
                    : dated_azure(base, model, options.api_version);
  add_header(server.request, "api-key", options.api_key.reveal());
  return std::make_unique<OpenAi>(std::move(server), model.code, dependencies);
}

std::unique_ptr<Provider> make_compatible(const Model& model, const CompatibleOptions& options,
                                          const ProviderDependencies& dependencies) {
  const auto base = base_of(model, options.base_url, "llm.compatible.base_url");
  auto server = server_at(base, "compatible", model, compatible_dialect(model));
  add_bearer(server.request, options.api_key);
  return std::make_unique<OpenAi>(std::move(server), model.code, dependencies);
}

}  // namespace llm
