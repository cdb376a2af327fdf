#include "coaching/http_business.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "coaching/business_cache.hpp"
#include "coaching/business_wire.hpp"
#include "net/impostor_test.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Task;
using net::Impostor;
using net::Peer;
using namespace std::chrono_literals;
namespace json = base::json;

TEST(BusinessWire, ReadsEveryFormOfAList) {
  const json::value wanted = json::array{{{"goal_title", "Bread"}}};
  for (const auto* body :
       {R"([{"goalTitle": "Bread"}])", R"({"items": [{"goalTitle": "Bread"}]})",
        R"({"data": [{"goal_title": "Bread"}]})", R"({"data": {"items": [{"GoalTitle": "Bread"}], "total": 1}})",
        R"({"success": true, "data": {"data": [{"goalTitle": "Bread"}]}})",
        R"({"data": {"data": {"items": [{"goalTitle": "Bread"}]}}})"}) {
    EXPECT_EQ(read_business_answer(BusinessSection::goals, false, body), wanted) << body;
  }
  EXPECT_TRUE(read_business_answer(BusinessSection::foundation, false, R"({"data": null})").is_null());
  EXPECT_EQ(read_business_answer(BusinessSection::goals, true, R"({"data": {"id": "g1"}})").at("id"), "g1");
}

TEST(BusinessWire, WritesNamesInSnakeCaseWhereverTheyAre) {
  const auto value = read_business_answer(BusinessSection::foundation, false,
                                          R"({"coreValues": [{"valueName": "Honesty"}], "KPIName": 1, "Free text": 2,
                                              "core_values": "kept", "targetURL2Path": 3})");
  EXPECT_EQ(value,
            base::parse_json(R"({"core_values": "kept", "kpi_name": 1, "Free text": 2, "target_url2_path": 3})"));
}

TEST(BusinessWire, RefusesWhatIsNoDataWithoutRepeatingIt) {
  for (const auto* body : {"<!DOCTYPE html><h1>secret-canary</h1>", "", "null", "\"secret-canary\"", "12",
                           R"({"data": "secret-canary"})", R"({"error": "secret-canary"})", "[[[", "\xff\xfe"}) {
    try {
      read_business_answer(BusinessSection::goals, false, body);
      ADD_FAILURE() << body;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, Code::dependency_unavailable);
      EXPECT_EQ(error.message.find("canary"), std::string::npos);
    }
  }
  EXPECT_THROW(read_business_answer(BusinessSection::foundation, false, "[]"), base::Error);
}

TEST(BusinessWire, EncodesTheIdOfAGoal) {
  EXPECT_EQ(business_target(BusinessSection::goals, "a/b c"), "/goals/a%2Fb%20c");
  EXPECT_EQ(business_target(BusinessSection::profile, ""), "/user/profile");
}

class HttpBusinessTest : public testing::Test {
 protected:
  HttpBusinessTest() {
    options.provider = BusinessProvider::http;
    options.timeout = 1'000ms;
  }
  ~HttpBusinessTest() override {
    log.reset();
    close(log_file);
  }

  static std::string answer(std::string_view status, std::string_view body,
                            std::string_view type = "application/json") {
    return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  // `next` answers each request; "" never does.
  net::Script script() {
    return [this](Peer& peer) -> Task<void> {
      for (;;) {
        auto request = co_await peer.read_request();
        if (request.empty()) co_return;
        requests.push_back(std::move(request));
        if (next.empty()) co_return co_await peer.until_closed();
        if (!co_await peer.send(next)) co_return;
      }
    };
  }
  HttpBusiness& api() {
    if (!made) {
      options.base_url = server.url("/v1");
      made = std::make_unique<HttpBusiness>(options, BusinessDependencies{http, clock, *log, metrics});
    }
    return *made;
  }
  CachedBusiness& cached() {
    if (!cache) {
      api();
      cache = std::make_unique<CachedBusiness>(options, std::move(made), clock, metrics);
    }
    return *cache;
  }
  static BusinessQuery query(std::string user = "ines", BusinessSection section = BusinessSection::foundation) {
    return {section, "", {"bakery", std::move(user)}, base::PrivateText("token-canary")};
  }
  json::value read(BusinessSource& from, BusinessQuery asked = query()) {
    return *net::await(context, from.read(std::move(asked))).value;
  }
  std::string why_not(BusinessSource& from, BusinessQuery asked = query()) {
    try {
      read(from, std::move(asked));
    } catch (const base::Error& error) {
      code = error.code;
      return std::string(error.details.at("reason").as_string());
    }
    ADD_FAILURE() << "it was read";
    return "";
  }
  std::string logged() {
    log->flush();
    std::string text(static_cast<std::size_t>(lseek(log_file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(log_file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  boost::asio::io_context context{1};
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  int log_file = memfd_create("log", 0);
  std::unique_ptr<telemetry::Log> log = std::make_unique<telemetry::Log>(log_file, telemetry::Level::debug, clock);
  telemetry::Registry metrics;
  BusinessOptions options;
  std::string next = answer("200 OK", R"({"data": {"visionStatement": "Three shops"}})");
  std::vector<std::string> requests;
  Impostor server{context, script()};
  std::unique_ptr<HttpBusiness> made;
  std::unique_ptr<CachedBusiness> cache;
  Code code = Code::internal_error;
};

TEST_F(HttpBusinessTest, AsksForTheTenantWithTheCallersToken) {
  EXPECT_EQ(read(api()).at("vision_statement"), "Three shops");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].starts_with("GET /v1/business/foundation HTTP/1.1\r\n")) << requests[0];
  EXPECT_NE(requests[0].find("\r\nX-Tenant-Id: bakery\r\n"), std::string::npos);
  EXPECT_NE(requests[0].find("\r\nAuthorization: Bearer token-canary\r\n"), std::string::npos);
}

TEST_F(HttpBusinessTest, AsksNothingWithoutAToken) {
  auto nobody = query();
  nobody.token = {};
  EXPECT_EQ(why_not(api(), nobody), "no_token");
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpBusinessTest, TellsFailuresApartAndKeepsThemPrivate) {
  const std::string page = "<html>secret-canary</html>";
  const std::vector<std::pair<std::string, std::string>> cases{
      {answer("200 OK", page, "text/html"), "malformed"},
      {answer("200 OK", "{\"a\":"), "malformed"},
      {answer("500 Oops", page, "text/html"), "server_error"},
      {answer("404 Not Found", page, "text/html"), "status"},
      {answer("302 Found", page), "status"},
      {answer("401 No", "{}"), "refused"},
      {answer("403 No", "{}"), "refused"},
      {"nonsense\r\n\r\n", "malformed"},
      {answer("200 OK", "[" + std::string(2 << 20, ' ') + "]"), "malformed"}};
  options.circuit_breaker.failures = 0;
  options.circuit_breaker.failure_rate = 0;
  for (const auto& [bytes, reason] : cases) {
    next = bytes;
    EXPECT_EQ(why_not(api()), reason) << bytes.substr(0, 40);
    EXPECT_EQ(code, reason == "refused" ? Code::forbidden : Code::dependency_unavailable);
  }
  const auto all = logged() + metrics.prometheus_text();
  EXPECT_EQ(all.find("canary"), std::string::npos) << all;
  EXPECT_NE(all.find(R"(purposepath_business_requests_total{section="foundation",outcome="server_error"} 1)"),
            std::string::npos)
      << all;
}

TEST_F(HttpBusinessTest, TakesWhatNobodyHasWrittenYetForNothing) {
  next = answer("404 Not Found", R"({"error": "not_found"})");
  EXPECT_TRUE(read(api()).is_null());
  EXPECT_EQ(why_not(api(), query("ines", BusinessSection::goals)), "status");
}

TEST_F(HttpBusinessTest, EndsACallThatTakesTooLong) {
  options.timeout = 50ms;
  next.clear();
  EXPECT_EQ(why_not(api()), "timeout");
}

TEST_F(HttpBusinessTest, LeavesAServerAloneThatFails) {
  next = answer("503 No", "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(why_not(api()), "server_error");
  EXPECT_EQ(why_not(api()), "circuit_open");
  EXPECT_EQ(requests.size(), 5u);
  EXPECT_EQ(net::await(context, api().health()).state, BusinessHealth::State::unhealthy);
  clock.advance(options.circuit_breaker.rest);
  next = answer("200 OK", "{}");
  EXPECT_EQ(read(api()), json::value(json::object{}));
  EXPECT_EQ(net::await(context, api().health()).state, BusinessHealth::State::healthy);
}

TEST_F(HttpBusinessTest, WhenTheServerIsBackAllWhoAskAtOnceAreAnswered) {
  next = answer("503 No", "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(why_not(api()), "server_error");
  clock.advance(options.circuit_breaker.rest);
  next = answer("200 OK", "{}");
  int done = 0;
  for (int i = 0; i < 6; ++i) {
    boost::asio::co_spawn(context, api().read(query()), [&](const std::exception_ptr& error, const BusinessData&) {
      EXPECT_FALSE(error);
      ++done;
    });
  }
  context.restart();
  while (done < 6) ASSERT_EQ(context.run_one_for(5'000ms), 1u);
  EXPECT_EQ(requests.size(), 11u);
}

TEST_F(HttpBusinessTest, IsHealthyWhenItWantsAToken) {
  next = answer("401 No", "{}");
  EXPECT_EQ(net::await(context, api().health()).state, BusinessHealth::State::healthy);
  EXPECT_EQ(requests[0].find("Authorization"), std::string::npos);
  net::await(context, api().health());
  EXPECT_EQ(requests.size(), 1u);
}

TEST_F(HttpBusinessTest, RemembersAnAnswerForItsUser) {
  read(cached());
  read(cached());
  EXPECT_EQ(requests.size(), 1u);
  read(cached(), query("otto"));
  EXPECT_EQ(requests.size(), 2u);
  auto elsewhere = query();
  elsewhere.owner.tenant_id = "mill";
  read(cached(), elsewhere);
  EXPECT_EQ(requests.size(), 3u);
}

TEST_F(HttpBusinessTest, RemembersItForTheTenantWhenToldToButNotTheProfile) {
  options.shared_by_tenant = true;
  read(cached());
  read(cached(), query("otto"));
  EXPECT_EQ(requests.size(), 1u);
  read(cached(), query("ines", BusinessSection::profile));
  read(cached(), query("otto", BusinessSection::profile));
  EXPECT_EQ(requests.size(), 3u);
}

TEST_F(HttpBusinessTest, GivesAnOldAnswerAtOnceAndFetchesANewOne) {
  read(cached());
  clock.advance(options.ttl);
  next = answer("200 OK", R"({"visionStatement": "Four shops"})");
  EXPECT_EQ(read(cached()).at("vision_statement"), "Three shops");
  while (requests.size() < 2 || context.poll_one() > 0) context.run_one_for(10ms);
  context.restart();
  while (read(cached()).at("vision_statement") != "Four shops") ASSERT_EQ(context.run_one_for(5'000ms), 1u);
  EXPECT_EQ(requests.size(), 2u);
}

TEST_F(HttpBusinessTest, GivesAnOldAnswerWhenNoneCanBeHad) {
  read(cached());
  clock.advance(options.ttl + options.stale);
  next = answer("500 Oops", "");
  const auto old = net::await(context, cached().read(query()));
  EXPECT_TRUE(old.stale);
  EXPECT_EQ(old.value->at("vision_statement"), "Three shops");
  clock.advance(options.stale_if_error);
  EXPECT_EQ(why_not(cached()), "server_error");
}

TEST_F(HttpBusinessTest, ForgetsWhatACallerMayNoLongerRead) {
  read(cached());
  clock.advance(options.ttl + options.stale);
  next = answer("403 No", "{}");
  EXPECT_EQ(why_not(cached()), "refused");
  next = answer("500 Oops", "");
  EXPECT_EQ(why_not(cached()), "server_error");
}

TEST_F(HttpBusinessTest, AsksOnceForAllWhoWantTheSameAtOnce) {
  int done = 0;
  for (int i = 0; i < 10; ++i) {
    boost::asio::co_spawn(context, cached().read(query()), [&](const std::exception_ptr& error, const BusinessData&) {
      EXPECT_FALSE(error);
      ++done;
    });
  }
  context.restart();
  while (done < 10) ASSERT_EQ(context.run_one_for(5'000ms), 1u);
  EXPECT_EQ(requests.size(), 1u);
}

TEST_F(HttpBusinessTest, KeepsItsMemoryBounded) {
  options.cache_bytes = 4'000;
  for (int i = 0; i < 100; ++i) read(cached(), query("user-" + std::to_string(i)));
  const auto asked = requests.size();
  read(cached(), query("user-99"));
  EXPECT_EQ(requests.size(), asked);
  read(cached(), query("user-0"));
  EXPECT_EQ(requests.size(), asked + 1);
}

}  // namespace
}  // namespace coaching
