#include "llm/gemini.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "llm/gemini_wire.hpp"
#include "llm/vendor_request.hpp"
#include "net/url.hpp"

namespace llm {
namespace {

using base::Task;

class Gemini final : public Provider {
 public:
  Gemini(GeminiDialect dialect, net::HttpRequest request, const ProviderDependencies& dependencies)
      : dialect_(std::move(dialect)), request_(std::move(request)), deps_(dependencies) {}

  std::string_view name() const override { return "gemini"; }
  std::string_view default_model() const override { return dialect_.model; }
  Task<Reply> complete(const Request& request, const Sink& sink) override;
  Task<Health> health() override;

 private:
  net::Url route(bool streamed) const;

  GeminiDialect dialect_;
  net::HttpRequest request_;  // all but the body and the end of the URL
  ProviderDependencies deps_;
  HealthCheck health_;
};

// A tuned model's id has its collection in front: "tunedModels/…".
net::Url Gemini::route(bool streamed) const {
  const auto* collection = dialect_.model.find('/') == std::string::npos ? "models/" : "";
  const auto* method = streamed ? ":streamGenerateContent?alt=sse" : ":generateContent";
  return net::join_path(request_.url, fmt::format("/{}{}{}", collection, dialect_.model, method));
}

Task<Reply> Gemini::complete(const Request& request, const Sink& sink) {
  const bool streamed = static_cast<bool>(sink);
  auto http = request_;
  http.url = route(streamed);
  http.headers.emplace_back("Accept", streamed ? "text/event-stream" : "application/json");
  http.body = gemini_request_body(dialect_, request);
  const auto prompt_tokens = estimate_prompt(request);  // now: the text may be gone once the answer comes
  const bool forced_tool = request.schema != nullptr && dialect_.structured == StructuredOutput::tool;
  const VendorCall call{.deps = deps_, .server = request_.url.authority, .trace = request.trace};
  GeminiAnswer answer(call.server, sink, forced_tool);
  co_await call_vendor(call, std::move(http), request.timeouts, streamed, answer);
  co_return std::move(answer).reply(prompt_tokens, dialect_.model);
}

Task<Health> Gemini::health() {
  const net::HttpRequest request{.url = net::join_path(request_.url, "/models?pageSize=1"),
                                 .headers = request_.headers};
  co_return co_await health_.get(deps_, request, request_.url.authority);
}

// The id becomes a part of the URL.
void check_id(std::string_view id) {
  const bool fits = std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/' || c == '@';
  });
  if (fits) return;
  throw base::Error(base::Code::validation_error,
                    "the id of a Gemini model consists of letters, digits and -_./@, as in gemini-2.5-flash");
}

}  // namespace

std::unique_ptr<Provider> make_gemini(const Model& model, const GeminiOptions& options,
                                      const ProviderDependencies& dependencies) {
  auto request = post_to(net::parse_url(model.base_url.empty() ? options.base_url : model.base_url));
  need_model(model, request.url.authority);
  check_id(model.id);
  add_key(request, "x-goog-api-key", options.api_key);
  GeminiDialect dialect{.model = model.id,
                        .structured = model.structured,
                        .says_temperature = model.temperature,
                        .effort = model.reasoning_effort,
                        .room = room_of(model)};
  return std::make_unique<Gemini>(std::move(dialect), std::move(request), dependencies);
}

}  // namespace llm
