#include "base/config.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

namespace base {

enum class Stage { development, staging, production };
BOOST_DESCRIBE_ENUM(Stage, development, staging, production)

struct Inner {
  int port = 8000;
  std::string host = "127.0.0.1";
  Milliseconds idle{30'000};
  std::vector<std::string> origins{"http://a"};
  Secret key;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (port, host, idle, origins, key))

struct Outer {
  Stage stage = Stage::development;
  Inner http;
  double rate = 0.5;
  bool docs = true;
  std::int64_t max_bytes = 1'000;
  int default_ = 7;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (stage, http, rate, docs, max_bytes, default_))

namespace {

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() : file_(std::filesystem::path(testing::TempDir()) / ("config-" + std::string(name()) + ".yaml")) {}
  ~ConfigTest() override { std::filesystem::remove(file_); }

  static const char* name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }
  void write(std::string_view text) { std::ofstream(file_) << text; }
  std::string origin(std::string_view key) const { return config_.find(key)->origin; }
  std::string faults() const {
    try {
      config_.check();
    } catch (const ConfigError& error) {
      return error.message;
    }
    return "";
  }
  std::string at_line(int line) const { return file_.string() + ":" + std::to_string(line); }

  std::filesystem::path file_;
  Outer settings_;
  Config config_{settings_};
};

using Environment = std::array<std::string, 1>;

TEST_F(ConfigTest, KeepsTheDefaultsWhenNothingIsSet) {
  config_.check();
  EXPECT_EQ(settings_.http.port, 8000);
  EXPECT_EQ(origin("http.port"), "default");
}

TEST_F(ConfigTest, ReadsEveryTypeFromAFile) {
  write(
      "stage: production\nhttp:\n  port: 9000\n  host: \"::1\"\n  idle: 15m\n  origins: [http://b, http://c]\n  key: "
      "k\n"
      "rate: 2.5\ndocs: off\nmax_bytes: 5000000000\n");
  config_.read_file(file_);
  config_.check();
  EXPECT_EQ(settings_.stage, Stage::production);
  EXPECT_EQ(settings_.http.port, 9000);
  EXPECT_EQ(settings_.http.host, "::1");
  EXPECT_EQ(settings_.http.idle, std::chrono::minutes(15));
  EXPECT_EQ(settings_.http.origins, (std::vector<std::string>{"http://b", "http://c"}));
  EXPECT_EQ(settings_.http.key.reveal(), "k");
  EXPECT_EQ(settings_.rate, 2.5);
  EXPECT_FALSE(settings_.docs);
  EXPECT_EQ(settings_.max_bytes, 5'000'000'000);
  EXPECT_EQ(origin("http.port"), at_line(3));
}

TEST_F(ConfigTest, LetsTheEnvironmentWinOverTheFileAndFlagsOverBoth) {
  write("http:\n  port: 1\n  host: file\n  idle: 1s\n");
  config_.read_file(file_);
  config_.read_environment(
      std::array<std::string, 3>{"PURPOSEPATH_HTTP__PORT=2", "PURPOSEPATH_HTTP__HOST=variable", "HOME=/"});
  config_.set("http.port", "3", "--port");
  config_.check();
  EXPECT_EQ(settings_.http.port, 3);
  EXPECT_EQ(settings_.http.host, "variable");
  EXPECT_EQ(settings_.http.idle, std::chrono::seconds(1));
  EXPECT_EQ(origin("http.port"), "--port");
  EXPECT_EQ(origin("http.host"), "PURPOSEPATH_HTTP__HOST");
  EXPECT_EQ(origin("http.idle"), at_line(4));
}

TEST_F(ConfigTest, SplitsListsOfTheEnvironmentAtCommas) {
  config_.read_environment(Environment{"PURPOSEPATH_HTTP__ORIGINS=http://x, http://y,"});
  EXPECT_EQ(settings_.http.origins, (std::vector<std::string>{"http://x", "http://y"}));
  config_.read_environment(Environment{"PURPOSEPATH_HTTP__ORIGINS="});
  EXPECT_TRUE(settings_.http.origins.empty());
}

TEST_F(ConfigTest, SuggestsTheKeyThatWasMeant) {
  write("http:\n  prot: 1\nhots: x\n");
  config_.read_file(file_);
  config_.read_environment(Environment{"PURPOSEPATH_PORT=9"});
  config_.set("http.idel", "1s", "--set");
  const auto text = faults();
  EXPECT_NE(text.find(at_line(2) + ": there is no setting http.prot; did you mean http.port?"), std::string::npos)
      << text;
  EXPECT_NE(text.find(at_line(3) + ": there is no setting hots"), std::string::npos) << text;
  EXPECT_NE(text.find("environment: there is no setting PURPOSEPATH_PORT; did you mean PURPOSEPATH_HTTP__PORT?"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("--set: there is no setting http.idel; did you mean http.idle?"), std::string::npos) << text;
}

TEST_F(ConfigTest, NamesAllFaultsAtOnceWithWhatIsAllowed) {
  write("stage: prodction\nhttp:\n  port: many\n  idle: 30\n  key: {a: b}\n  host:\n");
  config_.read_file(file_);
  config_.set("docs", "maybe", "--set");
  config_.set("http.port", "-1", "--port");
  config_.set("rate", "nan", "--set");
  const auto text = faults();
  for (const auto& wanted :
       {at_line(1) + ": stage must be one of development, staging, production; did you mean production?",
        at_line(3) + ": http.port must be a whole number", at_line(4) + ": http.idle must be a duration such as 250ms",
        at_line(5) + ": http.key is one value", at_line(6) + ": http.host has no value",
        std::string("--set: docs must be true or false"), std::string("--port: http.port must be a whole number"),
        std::string("--set: rate must be a number")}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\nin\n" << text;
  }
  EXPECT_EQ(settings_.http.port, 8000);
}

TEST_F(ConfigTest, RefusesAKeyThatStandsTwice) {
  write("docs: true\ndocs: false\n");
  config_.read_file(file_);
  EXPECT_NE(faults().find("docs is here twice"), std::string::npos) << faults();
}

TEST_F(ConfigTest, SaysWhereAFileIsNotYaml) {
  write("docs: true\nhttp: [\n");
  config_.read_file(file_);
  EXPECT_NE(faults().find("is not YAML"), std::string::npos) << faults();
}

TEST_F(ConfigTest, SaysThatAFileIsMissing) {
  config_.read_file("/nowhere/at/all.yaml");
  EXPECT_NE(faults().find("/nowhere/at/all.yaml"), std::string::npos) << faults();
}

TEST_F(ConfigTest, TakesAnEmptyFileAndAnEmptySection) {
  write("# nothing yet\n");
  config_.read_file(file_);
  write("http:\n  # port: 1\n");
  config_.read_file(file_);
  EXPECT_EQ(faults(), "");
}

TEST_F(ConfigTest, IgnoresVariablesOfOthers) {
  config_.read_environment(Environment{"PURPOSEPATH_VECTORS=/x"},
                           std::array<std::string_view, 1>{"PURPOSEPATH_VECTORS"});
  EXPECT_EQ(faults(), "");
}

TEST_F(ConfigTest, NeverShowsASecretNorRepeatsARefusedValue) {
  config_.set("http.key", "hunter2", "--set");
  config_.set("http.port", "hunter3", "--set");
  EXPECT_EQ(config_.find("http.key")->shown(), "********");
  EXPECT_EQ(faults().find("hunter"), std::string::npos);
}

TEST_F(ConfigTest, NamesASettingWithoutTheUnderscoreThatAvoidsAKeyword) {
  config_.set("default", "8", "--set");
  config_.check();
  EXPECT_EQ(settings_.default_, 8);
}

TEST_F(ConfigTest, ShowsValuesAsTheyAreWritten) {
  EXPECT_EQ(config_.find("stage")->shown(), "development");
  EXPECT_EQ(config_.find("http.idle")->shown(), "30s");
  EXPECT_EQ(config_.find("http.origins")->shown(), "http://a");
  EXPECT_EQ(config_.find("rate")->shown(), "0.5");
  EXPECT_EQ(config_.find("docs")->shown(), "true");
}

TEST_F(ConfigTest, NamesTheOriginOfAFaultAcrossSettings) {
  config_.set("http.host", "0.0.0.0", "--host");
  config_.fault("http.host", "needs a secret");
  EXPECT_NE(faults().find("--host: http.host needs a secret"), std::string::npos) << faults();
}

TEST(Duration, ReadsWhatItPrints) {
  for (const auto* text : {"250ms", "30s", "15m", "12h", "14d", "off", "90s"}) {
    EXPECT_EQ(format_duration(parse_duration(text)), text);
  }
  EXPECT_EQ(parse_duration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(parse_duration("0"), Milliseconds(0));
}

TEST(Duration, RefusesWhatHasNoUnitOrNoSense) {
  for (const auto* text : {"", "30", "s", "-5s", "1.5h", "5 s", "99999999999999d", "10y"}) {
    EXPECT_THROW(parse_duration(text), Error) << text;
  }
}

}  // namespace
}  // namespace base
