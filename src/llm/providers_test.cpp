#include <gtest/gtest.h>

#include "base/error.hpp"
#include "llm/router.hpp"
#include "net/http_client.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace llm {
namespace {

struct ProvidersTest : testing::Test {
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  base::FakeRandom random;
  telemetry::Log log{2, telemetry::Level::error, clock};
  telemetry::Registry metrics;

  std::unique_ptr<Provider> make(const LlmOptions& options) {
    return std::make_unique<Router>(options, ProviderDependencies{http, clock, random, log, metrics});
  }
};

TEST_F(ProvidersTest, AreOfflineUnlessSaidOtherwise) { EXPECT_EQ(make({})->name(), "offline"); }

TEST_F(ProvidersTest, AreMadeByName) {
  const auto openai = make({.provider = "openai", .model = "llama3.2", .base_url = "http://localhost:11434/v1"});
  EXPECT_EQ(openai->name(), "openai");
  EXPECT_EQ(openai->default_model(), "llama3.2");
}

TEST_F(ProvidersTest, SayWhatIsMissingOrMisspelt) {
  const auto message = [this](const LlmOptions& options) {
    try {
      make(options);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::validation_error);
      return error.message;
    }
    return std::string();
  };
  EXPECT_NE(message({.provider = "opnai"}).find("opnai"), std::string::npos);
  EXPECT_NE(message({.provider = "openai"}).find("no model"), std::string::npos);
}

}  // namespace
}  // namespace llm
