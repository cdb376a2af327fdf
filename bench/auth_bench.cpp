// What a request pays before its handler runs, in microseconds of CPU per call:
// ninja -C build/release auth_bench && build/release/auth_bench
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>

#include "base/embedded.hpp"
#include "http/contract.hpp"
#include "http/rate_limit.hpp"
#include "http/token.hpp"

namespace {

// Of this thread, so that other programs disturb less.
double cpu_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

template <class Call>
void measure(std::string_view what, int times, Call&& call) {
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto start = cpu_microseconds();
    for (int i = 0; i < times; ++i) call(i);
    best = std::min(best, (cpu_microseconds() - start) / times);
  }
  fmt::print("{:<44}{:>9.3f} us\n", what, best);
}

void measure_tokens(const base::Clock& clock) {
  http::AuthOptions options;
  options.secret = base::Secret("0123456789abcdef0123456789abcdef");
  http::Secrets secrets(options, clock);
  http::TokenVerifier verifier(options, secrets, clock);
  auto uncached_options = options;
  uncached_options.cache_time = base::Milliseconds(0);
  http::TokenVerifier uncached(uncached_options, secrets, clock);
  std::vector<std::string> tokens;
  for (int i = 0; i < 5000; ++i) {
    tokens.push_back(http::mint(options.secret, {.user_id = "user" + std::to_string(i),
                                                 .tenant_id = "bakery",
                                                 .roles = {"user"},
                                                 .tier = "premium",
                                                 .expires_at = clock.now() + std::chrono::hours(1),
                                                 .issued_at = clock.now()}));
  }
  fmt::print("a token has {} bytes\n", tokens.front().size());
  measure("verify a token, cold", 20'000, [&](int i) { uncached.verify(tokens[static_cast<std::size_t>(i) % 5000]); });
  measure("verify a token, cached, 1 user", 200'000, [&](int) { verifier.verify(tokens.front()); });
  measure("verify a token, cached, 5,000 users", 200'000,
          [&](int i) { verifier.verify(tokens[static_cast<std::size_t>(i) % 5000]); });
  const auto wrong = tokens.front() + "A";
  measure("refuse a token", 20'000, [&](int) {
    try {
      verifier.verify(wrong);
    } catch (const base::Error&) {
    }
  });
}

http::Request message(std::string body) {
  http::Request request;
  request.method = "POST";
  request.headers = {{"host", "localhost"},
                     {"content-type", "application/json"},
                     {"accept", "*/*"},
                     {"content-length", std::to_string(body.size())},
                     {"authorization", "Bearer x"}};
  request.path_parameters = {{"conversation_id", "conv_01M81PG4RGSGX9CQ3MWB6AFFAW"}};
  request.body = std::move(body);
  return request;
}

void measure_contract() {
  const auto document = base::embedded("openapi.json").value();
  measure("read the contract", 50, [&](int) { const http::Contract contract(document); });
  measure("read the contract and compile all of it", 20, [&](int) { http::Contract(document).compile_all(); });
  const http::Contract contract(document);
  const auto& send = *contract.find("send_message");
  const auto good = message(
      R"({"user_message":"It makes me furious when people promise something and then disappear.","metadata":{"source":"web"}})");
  measure("check a message", 50'000, [&](int) { contract.check(send, good); });
  const auto long_one = message(R"({"user_message":")" + std::string(4000, 'x') + "\"}");
  measure("check a message of 4,000 characters", 20'000, [&](int) { contract.check(send, long_one); });
  const auto bad = message(R"({"user_mesage":"x","metadata":7})");
  measure("refuse a message with three faults", 20'000, [&](int) {
    try {
      contract.check(send, bad);
    } catch (const base::Error&) {
    }
  });
}

void measure_limits(const base::Clock& clock) {
  http::RateLimitOptions options;
  options.default_ = {.burst = 1'000'000, .per_second = 1'000'000};
  http::RateLimiter limiter(options, clock);
  std::vector<http::Caller> callers(5000);
  for (std::size_t i = 0; i < callers.size(); ++i) {
    callers[i].user_id = "user" + std::to_string(i);
    callers[i].tenant_id = "bakery";
  }
  measure("take from the rate limit, 5,000 users", 200'000, [&](int i) {
    limiter.take(callers[static_cast<std::size_t>(i) % callers.size()], http::RateClass::default_);
  });
}

}  // namespace

int main() {
  const base::SystemClock clock;
  measure_tokens(clock);
  measure_contract();
  measure_limits(clock);
}
