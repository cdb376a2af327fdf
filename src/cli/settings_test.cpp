#include "cli/settings.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cli {
namespace {

using Environment = std::vector<std::string>;

std::string faults_of(const SettingFlags& flags, const Environment& environment = {}) {
  try {
    LoadedSettings settings;
    load_settings(settings, flags, environment);
    check_for_serving(settings);
  } catch (const base::ConfigError& wrong) {
    return wrong.message;
  }
  return "";
}

TEST(Settings, NeedNothingInDevelopment) { EXPECT_EQ(faults_of({}), ""); }

TEST(Settings, TakeFlagsOverTheEnvironment) {
  LoadedSettings settings;
  load_settings(settings, {.sets = {"coaching.max_turns=5"}, .named = {{"data", "/tmp/x", "--data"}}},
                Environment{"PURPOSEPATH_COACHING__MAX_TURNS=6", "PURPOSEPATH_LOG__LEVEL=warn"});
  EXPECT_EQ(settings.values.coaching.max_turns, 5);
  EXPECT_EQ(settings.values.data, "/tmp/x");
  EXPECT_EQ(settings.values.log.level, telemetry::Level::warn);
  EXPECT_EQ(settings.config.find("coaching.max_turns")->origin, "--set");
}

TEST(Settings, ReachNestedOptions) {
  LoadedSettings settings;
  load_settings(settings, {.sets = {"rate_limits.default.burst=7", "llm.timeouts.first_token=3s"}}, Environment{});
  EXPECT_EQ(settings.values.rate_limits.default_.burst, 7);
  EXPECT_EQ(settings.values.llm.timeouts.first_token, std::chrono::seconds(3));
}

TEST(Settings, ReadTheFileThatTheEnvironmentNames) {
  const auto file = std::filesystem::path(testing::TempDir()) / "settings-test.yaml";
  std::ofstream(file) << "coaching:\n  max_turns: 9\n";
  LoadedSettings settings;
  load_settings(settings, {}, Environment{"PURPOSEPATH_CONFIG=" + file.string()});
  EXPECT_EQ(settings.values.coaching.max_turns, 9);
  std::filesystem::remove(file);
}

TEST(Settings, LeaveVariablesOfTestsAlone) {
  EXPECT_EQ(faults_of({}, {"PURPOSEPATH_VECTORS=/x", "PURPOSEPATH_VECTORS_REQUIRED=1"}), "");
}

TEST(Settings, SayHowToWriteASetting) {
  EXPECT_NE(faults_of({.sets = {"nonsense"}}).find("--set: nonsense must be written as key=value"), std::string::npos);
}

TEST(Settings, WantASecretOutsideDevelopment) {
  const auto faults = faults_of({.sets = {"stage=production"}});
  EXPECT_NE(faults.find("auth.secret has no value"), std::string::npos) << faults;
  EXPECT_NE(faults.find("PURPOSEPATH_AUTH__SECRET"), std::string::npos) << faults;
  const std::string secret(32, 'k');
  EXPECT_EQ(faults_of({.sets = {"stage=production"}}, {"PURPOSEPATH_AUTH__SECRET=" + secret}), "");
}

TEST(Settings, RefuseAShortSecretWithoutRepeatingIt) {
  const auto faults = faults_of({}, {"PURPOSEPATH_AUTH__SECRET=short-one"});
  EXPECT_NE(faults.find("PURPOSEPATH_AUTH__SECRET: auth.secret must have at least 32 bytes"), std::string::npos)
      << faults;
  EXPECT_EQ(faults.find("short-one"), std::string::npos);
}

TEST(Settings, RefuseASecretBesideASecretFile) {
  const std::string secret(32, 'k');
  EXPECT_NE(faults_of({.sets = {"auth.secret=" + secret, "auth.secret_file=/x"}}).find("keep one of the two"),
            std::string::npos);
}

TEST(Settings, RefuseToOpenTheDevelopmentStageToOthers) {
  const SettingFlags flags{.named = {{"http.host", "0.0.0.0", "--host"}}};
  const auto faults = faults_of(flags);
  EXPECT_NE(faults.find("--host: http.host is open to other machines"), std::string::npos) << faults;
  EXPECT_EQ(faults_of(flags, {"PURPOSEPATH_AUTH__SECRET=" + std::string(32, 'k')}), "");
}

TEST(Settings, RefuseAPortThatIsNone) {
  EXPECT_NE(faults_of({.named = {{"http.port", "70000", "--port"}}}).find("--port: http.port must be at most 65535"),
            std::string::npos);
}

TEST(Settings, WantBothHalvesOfTls) {
  EXPECT_NE(faults_of({.sets = {"http.tls_certificate=/x"}}).find("http.tls_key has no value"), std::string::npos);
}

TEST(Settings, LetNobodyReadThisNetworkInProduction) {
  const Environment secret{"PURPOSEPATH_AUTH__SECRET=" + std::string(32, 'k')};
  for (const std::string allow : {"website.allow_private", "webhooks.allow_private"}) {
    const auto set = allow + "=127.0.0.1:8080";
    EXPECT_EQ(faults_of({.sets = {"stage=staging", set}}, secret), "");
    EXPECT_NE(faults_of({.sets = {"stage=production", set}}, secret).find(allow + " must be empty"), std::string::npos);
  }
}

TEST(Settings, RefuseASetUpInWhichJobsNeverRun) {
  for (const auto* name : {"coaching.max_live_jobs", "coaching.job_attempts"}) {
    EXPECT_NE(faults_of({.sets = {std::string(name) + "=0"}}).find(std::string(name) + " must be at least 1"),
              std::string::npos);
  }
}

TEST(Settings, TakeTheModelFromTheEnvironment) {
  LoadedSettings settings;
  load_settings(settings, {},
                Environment{"PURPOSEPATH_LLM__PROVIDER=openai", "PURPOSEPATH_LLM__BASE_URL=http://127.0.0.1:11434/v1",
                            "PURPOSEPATH_LLM__API_KEY=k", "PURPOSEPATH_LLM__TIMEOUTS__FIRST_TOKEN=1s"});
  EXPECT_EQ(settings.values.llm.base_url, "http://127.0.0.1:11434/v1");
  EXPECT_EQ(settings.values.llm.api_key.reveal(), "k");
  EXPECT_EQ(settings.values.llm.timeouts.first_token, std::chrono::seconds(1));
  EXPECT_EQ(settings.config.find("llm.api_key")->shown(), "********");
}

TEST(Settings, TakeOpenTelemetrysVariablesUnlessOursSayOtherwise) {
  const Environment theirs{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318", "OTEL_EXPORTER_OTLP_HEADERS=key=value",
                           "OTEL_SERVICE_NAME=coach"};
  LoadedSettings settings;
  load_settings(settings, {}, theirs);
  const auto& traces = settings.values.telemetry.traces;
  EXPECT_EQ(traces.endpoint, "http://collector:4318");
  EXPECT_EQ(traces.headers.reveal(), "key=value");
  EXPECT_EQ(traces.service_name, "coach");
  EXPECT_EQ(settings.config.find("telemetry.traces.endpoint")->origin, "OTEL_EXPORTER_OTLP_ENDPOINT");
  LoadedSettings ours;
  auto both = theirs;
  both.insert(both.begin(), "PURPOSEPATH_TELEMETRY__TRACES__ENDPOINT=http://other:4318");
  load_settings(ours, {}, both);
  EXPECT_EQ(ours.values.telemetry.traces.endpoint, "http://other:4318");
}

TEST(Settings, RefuseTracesThatCannotBeSent) {
  EXPECT_NE(faults_of({.sets = {"telemetry.traces.endpoint=collector:4318"}}).find("telemetry.traces.endpoint"),
            std::string::npos);
  EXPECT_NE(faults_of({.sets = {"telemetry.traces.sample_ratio=2"}}).find("telemetry.traces.sample_ratio"),
            std::string::npos);
  EXPECT_NE(faults_of({.sets = {"telemetry.traces.endpoint=http://collector", "telemetry.traces.headers=x"}})
                .find("telemetry.traces.headers"),
            std::string::npos);
}

TEST(Loopback, IsThisMachineOnly) {
  EXPECT_TRUE(is_loopback("127.0.0.1"));
  EXPECT_TRUE(is_loopback("127.8.8.8"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_TRUE(is_loopback("localhost"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
  EXPECT_FALSE(is_loopback("127.evil.example"));
  EXPECT_FALSE(is_loopback("192.168.1.2"));
}

}  // namespace
}  // namespace cli
