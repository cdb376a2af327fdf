#include "llm/bedrock.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>

#include "aws/credential_chain.hpp"
#include "aws/region.hpp"
#include "aws/sigv4.hpp"
#include "llm/bedrock_failures.hpp"
#include "llm/bedrock_wire.hpp"
#include "llm/vendor_request.hpp"
#include "net/failure.hpp"

namespace llm {
namespace {

using base::Code;
using base::Error;
using base::Task;
using std::chrono::steady_clock;
using Credentials = std::shared_ptr<const aws::Credentials>;

constexpr base::Milliseconds kHealthTimeout{2'000};
constexpr base::Milliseconds kHealthKept{10'000};
constexpr base::Milliseconds kCountTimeout{5'000};

// How a call proves who makes it: by a key, else by a signature.
struct Access {
  base::Secret key;
  std::shared_ptr<aws::CredentialChain> chain;  // nullptr with a key
  std::shared_ptr<aws::Signer> signer;
};

class Bedrock final : public BedrockModel {
 public:
  Bedrock(BedrockDialect dialect, net::HttpRequest request, Access access, const ProviderDependencies& dependencies)
      : dialect_(std::move(dialect)),
        request_(std::move(request)),
        access_(std::move(access)),
        deps_(dependencies),
        takes_schema_(dialect_.structured == StructuredOutput::schema) {}

  std::string_view name() const override { return "bedrock"; }
  std::string_view default_model() const override { return dialect_.model; }
  Task<Reply> complete(const Request& request, const Sink& sink) override;
  Task<Health> health() override;
  Task<std::optional<std::int64_t>> count_tokens(const Request& request) override;

 private:
  BedrockDialect dialect_now() const;
  Task<Credentials> credentials();
  void prove(net::HttpRequest& request, const Credentials& credentials) const;
  net::HttpRequest request_to(std::string_view operation, std::string body) const;
  Task<Reply> try_once(const BedrockDialect& dialect, const Request& request, const Sink& sink,
                       const Credentials& credentials, const Timeouts& timeouts, Remedy& remedy);
  Task<Health> look_at_health();

  const BedrockDialect dialect_;
  const net::HttpRequest request_;  // all but the path, the body and the proof
  const Access access_;
  const ProviderDependencies deps_;
  std::atomic<bool> takes_schema_;
  std::atomic<bool> counts_ = true;
  std::mutex health_mutex_;  // guards the two below
  std::optional<Health> health_;
  base::Time asked_{};
};

BedrockDialect Bedrock::dialect_now() const {
  auto dialect = dialect_;
  if (dialect.structured == StructuredOutput::schema && !takes_schema_) dialect.structured = StructuredOutput::tool;
  return dialect;
}

// nullptr with a key. Throws llm_unavailable when they may be had later, llm_error when not.
Task<Credentials> Bedrock::credentials() {
  if (!access_.chain) co_return nullptr;
  std::optional<Error> failed;
  try {
    co_return co_await access_.chain->get();
  } catch (const Error& error) {
    failed = error;
  }
  const bool passes = base::retryable(*failed);
  throw Error(passes ? Code::llm_unavailable : Code::llm_error,
              fmt::format("the model server {} was not asked: {}", request_.url.authority, failed->message));
}

void Bedrock::prove(net::HttpRequest& request, const Credentials& credentials) const {
  if (credentials) {
    access_.signer->sign(request, *credentials, deps_.clock.now());
  } else {
    request.headers.emplace_back("Authorization", "Bearer " + access_.key.reveal());
  }
}

net::HttpRequest Bedrock::request_to(std::string_view operation, std::string body) const {
  auto request = request_;
  request.url = net::join_path(request.url, bedrock_path(dialect_.model, operation));
  request.body = std::move(body);
  return request;
}

Task<Reply> Bedrock::try_once(const BedrockDialect& dialect, const Request& request, const Sink& sink,
                              const Credentials& credentials, const Timeouts& timeouts, Remedy& remedy) {
  const bool streamed = static_cast<bool>(sink);
  VendorCall call{.deps = deps_,
                  .server = request_.url.authority,
                  .trace = request.trace,
                  .stream_type = "application/vnd.amazon.eventstream"};
  call.failure = [&](int status, const net::Headers& headers, std::string_view body) {
    remedy = bedrock_remedy(status, headers, body);
    return bedrock_failure(status, headers, body, call.server, deps_.clock.now());
  };
  auto body = bedrock_request_body(dialect, request, streamed);
  auto http = request_to(streamed ? "converse-stream" : "converse", std::move(body.text));
  http.headers.emplace_back("Accept", streamed ? call.stream_type : "application/json");
  prove(http, credentials);
  const auto prompt_tokens = estimate_prompt(request);  // now: the text may be gone once the answer comes
  BedrockAnswer answer(call.server, sink, body.forces_tool);
  const auto headers = co_await call_vendor(call, std::move(http), timeouts, streamed, answer);
  auto reply = std::move(answer).reply(prompt_tokens, dialect.model);
  reply.provider_request_id = headers.find("x-amzn-requestid");
  co_return reply;
}

// What is left of all the time that the caller gives. Throws llm_timeout when nothing is.
Timeouts left_of(const Timeouts& timeouts, steady_clock::time_point begin, std::string_view server) {
  auto left = timeouts;
  if (timeouts.total.count() <= 0) return left;
  left.total -= std::chrono::duration_cast<base::Milliseconds>(steady_clock::now() - begin);
  if (left.total.count() > 0) return left;
  throw Error(Code::llm_timeout, fmt::format("the model server {} was not asked in time: the AWS credentials came too "
                                             "late",
                                             server));
}

Task<Reply> Bedrock::complete(const Request& request, const Sink& sink) {
  const auto begin = steady_clock::now();
  bool renewed = !access_.chain;  // a key has no successor
  for (;;) {
    const auto with = co_await credentials();
    const auto left = left_of(request.timeouts, begin, request_.url.authority);
    const auto dialect = dialect_now();
    auto remedy = Remedy::none;
    std::optional<Error> failed;
    try {
      co_return co_await try_once(dialect, request, sink, with, left, remedy);
    } catch (const Error& error) {
      failed = error;
    }
    const bool renew = remedy == Remedy::new_credentials && !std::exchange(renewed, true);
    const bool by_tool = remedy == Remedy::tool_for_schema && request.schema != nullptr &&
                         dialect.structured == StructuredOutput::schema;
    if (renew) access_.chain->drop(*with);
    if (by_tool) takes_schema_ = false;
    if (!renew && !by_tool) throw *failed;
  }
}

Task<std::optional<std::int64_t>> Bedrock::count_tokens(const Request& request) {
  if (!counts_) co_return std::nullopt;
  const auto with = co_await credentials();
  auto http = request_to("count-tokens", bedrock_count_body(dialect_now(), request));
  http.timeouts = {
      .connect = request.timeouts.connect, .first_byte = kCountTimeout, .idle = kCountTimeout, .total = kCountTimeout};
  prove(http, with);
  net::HttpResponse response;
  try {
    response = co_await deps_.http.send(http);
  } catch (const Error& error) {
    throw from_network(error, request_.url.authority);
  }
  if (response.status == 200) co_return read_token_count(response.body);
  const auto remedy = bedrock_remedy(response.status, response.headers, response.body);
  if (remedy == Remedy::new_credentials && access_.chain) access_.chain->drop(*with);
  const bool never = remedy == Remedy::no_count || remedy == Remedy::tool_for_schema;
  if (never) {
    counts_ = false;
    co_return std::nullopt;
  }
  throw bedrock_failure(response.status, response.headers, response.body, request_.url.authority, deps_.clock.now());
}

Task<Health> Bedrock::health() {
  const auto now = deps_.clock.now();
  {
    const std::lock_guard lock(health_mutex_);
    if (health_ && now - asked_ < kHealthKept) co_return *health_;
    asked_ = now;  // others take the last answer while this one asks
  }
  const auto found = co_await look_at_health();
  const std::lock_guard lock(health_mutex_);
  health_ = found;
  co_return found;
}

Task<Health> Bedrock::look_at_health() {
  net::HttpRequest request{.url = net::join_path(request_.url, "/")};
  request.timeouts = {
      .connect = kHealthTimeout, .first_byte = kHealthTimeout, .idle = kHealthTimeout, .total = kHealthTimeout};
  try {
    co_await credentials();
    const auto response = co_await deps_.http.send(request);
    if (response.status < 500) co_return Health{};
    co_return Health{Health::State::unhealthy, fmt::format("{} answered {}", request.url.authority, response.status)};
  } catch (const Error& error) {
    co_return Health{Health::State::unhealthy, error.message};
  }
}

std::string region_for(const Model& model, const BedrockOptions& options, const aws::Surroundings& around) {
  if (!model.region.empty()) return model.region;
  if (!options.region.empty()) return options.region;
  const std::string_view id = model.id;
  if (id.starts_with("arn:")) {  // arn:partition:bedrock:REGION:…
    auto rest = id;
    for (int i = 0; i < 3 && rest.find(':') != rest.npos; ++i) rest.remove_prefix(rest.find(':') + 1);
    if (const auto region = rest.substr(0, rest.find(':')); !region.empty()) return std::string(region);
  }
  auto region = aws::find_region(around, aws::read_profiles(around), aws::profile_name(around, options.profile));
  if (!region.empty()) return region;
  throw Error(Code::validation_error,
              "no region is configured for Bedrock; set llm.bedrock.region or AWS_REGION, such as eu-central-1");
}

void check_guardrail(const BedrockOptions& options) {
  if (options.guardrail_id.empty() || !options.guardrail_version.empty()) return;
  throw Error(Code::validation_error, "a guardrail_id needs a guardrail_version: a number, or DRAFT");
}

}  // namespace

std::unique_ptr<BedrockModel> make_bedrock(const Model& model, const BedrockOptions& options,
                                           const ProviderDependencies& dependencies,
                                           const aws::Surroundings& surroundings) {
  need_model(model, "Bedrock");
  check_guardrail(options);
  const auto region = region_for(model, options, surroundings);
  auto base_url = model.base_url.empty() ? options.base_url : model.base_url;
  if (base_url.empty()) base_url = aws::endpoint_url(surroundings, "BEDROCK_RUNTIME", "bedrock-runtime", region);
  Access access{.key = options.api_key};
  if (access.key.empty()) access.key = base::Secret(surroundings.find("AWS_BEARER_TOKEN_BEDROCK"));
  check_header("api_key", access.key.reveal());
  if (access.key.empty()) {
    access.chain = dependencies.credentials != nullptr
                       ? dependencies.credentials->get(surroundings, options.profile)
                       : std::make_shared<aws::CredentialChain>(surroundings, options.profile, dependencies.http,
                                                                dependencies.clock);
    access.signer = std::make_shared<aws::Signer>(region, "bedrock");
  }
  BedrockDialect dialect{.model = model.id,
                         .structured = model.structured,
                         .prompt_cache = model.prompt_cache,
                         .says_temperature = model.temperature,
                         .effort = model.reasoning_effort,
                         .room = room_of(model),
                         .guardrail_id = options.guardrail_id,
                         .guardrail_version = options.guardrail_version};
  return std::make_unique<Bedrock>(std::move(dialect), post_to(net::parse_url(base_url)), std::move(access),
                                   dependencies);
}

}  // namespace llm
