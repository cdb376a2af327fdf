#include "http/token.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "http/claims.hpp"

namespace http {
namespace {

using namespace std::chrono_literals;
using base::json::object;

const base::Secret kKey("0123456789abcdef0123456789abcdef");
const base::Secret kOld("the key before that one, 32 bytes and more");

struct Tokens : testing::Test {
  Tokens() { options.secret = kKey; }

  Claims claims() const {
    Claims ines;
    ines.user_id = "ines";
    ines.tenant_id = "bakery";
    ines.expires_at = clock.now() + 1h;
    return ines;
  }
  object payload(object more = {}) const {
    object members{{"sub", "ines"}, {"tenant_id", "bakery"}, {"exp", seconds(1h)}};
    for (const auto& member : more) members.insert_or_assign(member.key(), member.value());
    return members;
  }
  std::int64_t seconds(std::chrono::seconds from_now) const {
    return std::chrono::floor<std::chrono::seconds>(clock.now().time_since_epoch() + from_now).count();
  }
  // "" when accepted, else the message of the refusal.
  std::string refusal(const std::string& token) const {
    Secrets secrets(options, clock);
    TokenVerifier verifier(options, secrets, clock);
    try {
      verifier.verify(token);
      return "";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::invalid_token);
      return error.message;
    }
  }
  std::string refusal(const object& members) const { return refusal(sign(members, kKey)); }

  base::FakeClock clock;
  AuthOptions options;
};

TEST_F(Tokens, SayWhoCalls) {
  auto ines = claims();
  ines.email = "ines@example.org";
  ines.name = "Inês ✓";
  ines.roles = {"user", "admin"};
  ines.tier = "premium";
  Secrets secrets(options, clock);
  TokenVerifier verifier(options, secrets, clock);
  const auto caller = verifier.verify(mint(kKey, ines));
  EXPECT_EQ(caller->user_id, "ines");
  EXPECT_EQ(caller->tenant_id, "bakery");
  EXPECT_EQ(caller->email, "ines@example.org");
  EXPECT_EQ(caller->name, "Inês ✓");
  EXPECT_EQ(caller->roles, (std::vector<std::string>{"user", "admin"}));
  EXPECT_EQ(caller->tier, "premium");
}

TEST_F(Tokens, DefaultToAFreeUser) {
  Secrets secrets(options, clock);
  TokenVerifier verifier(options, secrets, clock);
  const auto caller = verifier.verify(mint(kKey, claims()));
  EXPECT_EQ(caller->roles, std::vector<std::string>{"user"});
  EXPECT_EQ(caller->tier, "free");
}

TEST_F(Tokens, ExpireWithinTheLeeway) {
  options.leeway = 30s;
  EXPECT_EQ(refusal(payload({{"exp", seconds(-29s)}})), "");
  EXPECT_NE(refusal(payload({{"exp", seconds(-30s)}})).find("expired"), std::string::npos);
  EXPECT_NE(refusal(payload({{"exp", nullptr}})).find("exp"), std::string::npos);
  options.leeway = 0s;
  EXPECT_EQ(refusal(payload({{"exp", seconds(1s)}})), "");
  EXPECT_NE(refusal(payload({{"exp", seconds(0s)}})), "");
  EXPECT_EQ(refusal(payload({{"exp", static_cast<double>(seconds(0s)) + 0.5}})), "");
}

TEST_F(Tokens, AreNotUsedBeforeTheirTime) {
  options.leeway = 30s;
  EXPECT_EQ(refusal(payload({{"nbf", seconds(30s)}, {"iat", seconds(30s)}})), "");
  EXPECT_NE(refusal(payload({{"nbf", seconds(31s)}})).find("not valid yet"), std::string::npos);
  EXPECT_NE(refusal(payload({{"iat", seconds(31s)}})).find("iat"), std::string::npos);
}

TEST_F(Tokens, HaveTimesThatAreTimes) {
  for (const auto* name : {"exp", "nbf", "iat"}) {
    for (const base::json::value& wrong : std::initializer_list<base::json::value>{
             "1800000000", true, base::json::array{1'800'000'000}, object{}, -1, -1e300, 1e300, 1e12}) {
      EXPECT_NE(refusal(payload({{name, wrong}})).find(name), std::string::npos) << name << ' ' << wrong;
    }
  }
}

TEST_F(Tokens, ComeFromTheIssuerAndAreForUs) {
  EXPECT_EQ(refusal(payload({{"iss", "anybody"}, {"aud", 7}})), "");  // not configured, not looked at
  options.issuer = "https://id.example";
  options.audience = "purposepath";
  const auto with = [&](base::json::value issuer, base::json::value audience) {
    return refusal(payload({{"iss", issuer}, {"aud", audience}}));
  };
  EXPECT_EQ(with("https://id.example", "purposepath"), "");
  EXPECT_EQ(with("https://id.example", base::json::array{"other", "purposepath"}), "");
  EXPECT_NE(with("https://id.example/", "purposepath").find("iss"), std::string::npos);
  EXPECT_NE(with(base::json::array{"https://id.example"}, "purposepath").find("iss"), std::string::npos);
  EXPECT_NE(with(nullptr, "purposepath").find("iss"), std::string::npos);
  EXPECT_NE(with("https://id.example", "purposepath2").find("aud"), std::string::npos);
  EXPECT_NE(with("https://id.example", base::json::array{"other", 7}).find("aud"), std::string::npos);
  EXPECT_NE(with("https://id.example", base::json::array{}).find("aud"), std::string::npos);
  EXPECT_NE(with("https://id.example", nullptr).find("aud"), std::string::npos);
}

TEST_F(Tokens, NameAUserAndATenant) {
  for (const auto* name : {"sub", "tenant_id"}) {
    for (const base::json::value& wrong : std::initializer_list<base::json::value>{
             nullptr, "", "  ", 7, base::json::array{"ines"}, base::json::string(257, 'x'), "in\nes",
             base::json::string("in\0es", 5),
             "in\x7F"
             "es",
             "in\xC2\x85"
             "es"}) {
      EXPECT_NE(refusal(payload({{name, wrong}})).find(name), std::string::npos) << name << ' ' << wrong;
    }
    EXPECT_EQ(refusal(payload({{name, base::json::string(256, 'x')}})), "");
    EXPECT_EQ(refusal(payload({{name, "Ωmega-✓ ~"}})), "");
  }
}

TEST_F(Tokens, HaveRolesAndTierOfTheRightKind) {
  EXPECT_EQ(refusal(payload({{"roles", base::json::array{"coach", "accountant"}}})), "");
  EXPECT_NE(refusal(payload({{"roles", "admin"}})).find("roles"), std::string::npos);
  EXPECT_NE(refusal(payload({{"roles", base::json::array{7}}})).find("roles"), std::string::npos);
  EXPECT_NE(refusal(payload({{"roles", base::json::array(33, "user")}})).find("roles"), std::string::npos);
  EXPECT_NE(refusal(payload({{"tier", "gold"}})).find("tier"), std::string::npos);
  EXPECT_NE(refusal(payload({{"email", 7}})).find("email"), std::string::npos);
  EXPECT_NE(refusal(payload({{"name", "a\tb"}})).find("name"), std::string::npos);
}

TEST_F(Tokens, HaveClaimsThatAreOneJsonObject) {
  const std::string end = R"("tenant_id":"bakery","exp":1800000000})";
  EXPECT_NO_THROW(accept_claims(R"({"sub":"ines",)" + end, options, clock.now()));
  for (const auto& wrong :
       {R"({"sub":"ines","sub":"omar",)" + end, "[{\"sub\":\"ines\"," + end + "]", "{\"sub\":\"in\xC3\x28\"," + end,
        R"({"sub":"\ud800",)" + end, R"({"sub":"ines","x":[[[[[[[[[1]]]]]]]]],)" + end, R"({"sub":"ines",)" + end + "x",
        std::string(5000, '['), std::string("foo"), std::string()}) {
    EXPECT_THROW(accept_claims(wrong, options, clock.now()), base::Error) << wrong;
  }
}

TEST_F(Tokens, AreSignedByTheCurrentOrThePreviousKey) {
  const auto old = mint(kOld, claims());
  EXPECT_NE(refusal(old), "");
  options.previous_secret = kOld;
  EXPECT_EQ(refusal(old), "");
  EXPECT_EQ(refusal(mint(kKey, claims())), "");
}

TEST_F(Tokens, AreNeverRepeatedInARefusal) {
  const auto refused = refusal(payload({{"tenant_id", "bakery"}, {"sub", "private\nname"}}));
  EXPECT_EQ(refused.find("private"), std::string::npos);
}

TEST_F(Tokens, LongerThanEightKilobytesAreNotRead) {
  EXPECT_NE(refusal(std::string(kMaxTokenBytes + 1, 'a')).find("8192"), std::string::npos);
}

TEST_F(Tokens, CannotBeMintedAgainstTheRules) {
  auto nobody = claims();
  nobody.user_id = "";
  EXPECT_THROW(mint(kKey, nobody), base::Error);
  auto gold = claims();
  gold.tier = "gold";
  EXPECT_THROW(mint(kKey, gold), base::Error);
  auto over = claims();
  over.issued_at = clock.now();
  over.expires_at = clock.now() - 1s;
  EXPECT_THROW(mint(kKey, over), base::Error);
  EXPECT_THROW(mint(base::Secret("short"), claims()), base::Error);
}

struct Remembered : Tokens {
  Remembered() { options.leeway = 0s; }
  base::Code outcome(const std::string& token) {
    try {
      verifier->verify(token);
      return base::Code::shutting_down;  // stands for "accepted"
    } catch (const base::Error& error) {
      return error.code;
    }
  }
  void start() {
    secrets = std::make_unique<Secrets>(options, clock);
    verifier = std::make_unique<TokenVerifier>(options, *secrets, clock);
  }
  static constexpr auto kAccepted = base::Code::shutting_down;
  std::unique_ptr<Secrets> secrets;
  std::unique_ptr<TokenVerifier> verifier;
};

TEST_F(Remembered, TheSameCallerIsHandedOutWhileItLasts) {
  start();
  const auto token = mint(kKey, claims());
  const auto first = verifier->verify(token);
  clock.advance(59s);
  EXPECT_EQ(verifier->verify(token), first);
  clock.advance(1s);
  EXPECT_NE(verifier->verify(token), first);  // looked at anew after a minute
}

TEST_F(Remembered, NoLongerThanTheTokenIsValid) {
  start();
  auto brief = claims();
  brief.expires_at = clock.now() + 10s;
  const auto token = mint(kKey, brief);
  EXPECT_EQ(outcome(token), kAccepted);
  clock.advance(9999ms);
  EXPECT_EQ(outcome(token), kAccepted);
  clock.advance(1ms);
  EXPECT_EQ(outcome(token), base::Code::invalid_token);
}

TEST_F(Remembered, NotAcrossAChangeOfKeys) {
  const auto path = std::filesystem::temp_directory_path() / ("token_test_" + std::to_string(::getpid()));
  std::ofstream(path) << kKey.reveal();
  options.secret = {};
  options.secret_file = path.string();
  start();
  const auto token = mint(kKey, claims());
  EXPECT_EQ(outcome(token), kAccepted);
  std::ofstream(path) << kOld.reveal() << '\n' << kKey.reveal();
  clock.advance(1s);
  EXPECT_EQ(outcome(token), kAccepted);  // the rotation logs nobody out
  std::ofstream(path) << kOld.reveal() << '\n';
  clock.advance(1s);
  EXPECT_EQ(outcome(token), base::Code::invalid_token);
  std::filesystem::remove(path);
}

TEST_F(Remembered, OnlyWhatPassedAndOnlyAsItWas) {
  start();
  const auto token = mint(kKey, claims());
  EXPECT_EQ(outcome(token), kAccepted);
  EXPECT_EQ(outcome(token + " "), base::Code::invalid_token);
  EXPECT_EQ(outcome(token.substr(0, token.size() - 1)), base::Code::invalid_token);
  EXPECT_EQ(outcome(token), kAccepted);
}

TEST_F(Remembered, ByManyThreads) {
  options.cached_tokens = 64;
  start();
  std::vector<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    auto user = claims();
    user.user_id = "user" + std::to_string(i);
    tokens.push_back(mint(kKey, user));
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        const auto n = static_cast<std::size_t>((i * 7 + t) % 100);
        EXPECT_EQ(verifier->verify(tokens[n])->user_id, "user" + std::to_string(n));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(Tokens, OptionsAreBounded) {
  Secrets secrets(options, clock);
  options.leeway = 61s;
  EXPECT_THROW(TokenVerifier(options, secrets, clock), base::Error);
  options.leeway = 0s;
  options.cache_time = 61s;
  EXPECT_THROW(TokenVerifier(options, secrets, clock), base::Error);
}

TEST(BearerToken, IsTakenFromTheHeader) {
  EXPECT_EQ(bearer_token("Bearer a.b.c"), "a.b.c");
  EXPECT_EQ(bearer_token("bearer   a.b.c"), "a.b.c");
  const auto code = [](std::string_view header) {
    try {
      bearer_token(header);
    } catch (const base::Error& error) {
      return error.code;
    }
    return base::Code::internal_error;
  };
  EXPECT_EQ(code(""), base::Code::missing_token);
  EXPECT_EQ(code("Basic aW5lczpzZWNyZXQ="), base::Code::invalid_token);
  EXPECT_EQ(code("Bearer"), base::Code::invalid_token);
  EXPECT_EQ(code("a.b.c"), base::Code::invalid_token);
}

TEST(Roles, IncludeTheLowerOnes) {
  Caller caller;
  const auto allowed = [&](std::string_view minimum) {
    try {
      require_role(caller, minimum);
      return true;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::forbidden);
      return false;
    }
  };
  caller.roles = {"coach"};
  EXPECT_TRUE(allowed("user"));
  EXPECT_TRUE(allowed("coach"));
  EXPECT_FALSE(allowed("admin"));
  caller.roles = {"owner"};
  EXPECT_TRUE(allowed("admin"));
  EXPECT_FALSE(allowed("emperor"));
  caller.roles = {"emperor"};
  EXPECT_FALSE(allowed("user"));
  caller.roles = {};
  EXPECT_FALSE(allowed("user"));
}

}  // namespace
}  // namespace http
