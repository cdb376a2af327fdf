#include "llm/anthropic.hpp"

#include "llm/anthropic_wire.hpp"
#include "llm/vendor_request.hpp"
#include "net/url.hpp"

namespace llm {
namespace {

using base::Task;

// The version of the protocol, not of a model; it has not changed since (https://docs.anthropic.com/en/api/versioning).
constexpr const char* kVersion = "2023-06-01";

class Anthropic final : public Provider {
 public:
  Anthropic(AnthropicDialect dialect, net::HttpRequest request, const ProviderDependencies& dependencies)
      : dialect_(std::move(dialect)), request_(std::move(request)), deps_(dependencies) {}

  std::string_view name() const override { return "anthropic"; }
  std::string_view default_model() const override { return dialect_.model; }
  Task<Reply> complete(const Request& request, const Sink& sink) override;
  Task<Health> health() override;

 private:
  AnthropicDialect dialect_;
  net::HttpRequest request_;  // all but the body
  ProviderDependencies deps_;
  HealthCheck health_;
};

Task<Reply> Anthropic::complete(const Request& request, const Sink& sink) {
  const bool streamed = static_cast<bool>(sink);
  auto http = request_;
  http.url = net::join_path(http.url, "/messages");
  http.headers.emplace_back("Accept", streamed ? "text/event-stream" : "application/json");
  auto body = anthropic_request_body(dialect_, request, streamed);
  http.body = std::move(body.text);
  const auto prompt_tokens = estimate_prompt(request);  // now: the text may be gone once the answer comes
  const VendorCall call{.deps = deps_, .server = request_.url.authority, .trace = request.trace};
  AnthropicAnswer answer(call.server, sink, body.forces_tool);
  const auto headers = co_await call_vendor(call, std::move(http), request.timeouts, streamed, answer);
  auto reply = std::move(answer).reply(prompt_tokens, dialect_.model);
  if (const auto id = headers.find("request-id"); !id.empty()) reply.provider_request_id = id;
  co_return reply;
}

Task<Health> Anthropic::health() {
  const net::HttpRequest request{.url = net::join_path(request_.url, "/models"), .headers = request_.headers};
  co_return co_await health_.get(deps_, request, request_.url.authority);
}

}  // namespace

std::unique_ptr<Provider> make_anthropic(const Model& model, const AnthropicOptions& options,
                                         const ProviderDependencies& dependencies) {
  auto request = post_to(net::parse_url(model.base_url.empty() ? options.base_url : model.base_url));
  need_model(model, request.url.authority);
  add_key(request, "x-api-key", options.api_key);
  request.headers.emplace_back("anthropic-version", kVersion);
  AnthropicDialect dialect{.model = model.id,
                           .structured = model.structured,
                           .prompt_cache = model.prompt_cache,
                           .says_temperature = model.temperature,
                           .effort = model.reasoning_effort,
                           .room = room_of(model)};
  return std::make_unique<Anthropic>(std::move(dialect), std::move(request), dependencies);
}

}  // namespace llm
