#include "telemetry/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

namespace telemetry {
namespace {

// A pipe whose write end is the log's descriptor.
struct Pipe {
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    if (ends[0] >= 0) close(ends[0]);
    close(ends[1]);
  }
  std::string take() {
    std::string text(1 << 16, '\0');
    const auto got = read(ends[0], text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  int ends[2]{-1, -1};
};

std::string one_line(std::initializer_list<Field> fields) {
  Pipe pipe;
  const base::FakeClock clock;
  Log log(pipe.ends[1], Level::debug, clock);
  log.write(Level::info, "tried", fields);
  log.flush();
  return pipe.take();
}

TEST(Log, WritesOneJsonObjectALine) {
  EXPECT_EQ(one_line({{"route", "/health"}, {"status", 200}, {"ok", true}, {"duration_ms", 1.5}}),
            "{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"tried\",\"route\":\"/health\","
            "\"status\":200,\"ok\":true,\"duration_ms\":1.5}\n");
}

TEST(Log, LeavesOutWhatIsOnlyThereSometimes) {
  EXPECT_TRUE(one_line({Field::if_any("a", ""), {"b", 1}}).ends_with("\"event\":\"tried\",\"b\":1}\n"));
  EXPECT_TRUE(one_line({Field::if_any("a", "x"), {"b", 1}}).ends_with("\"a\":\"x\",\"b\":1}\n"));
}

TEST(Log, EscapesAnyBytes) {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  for (const auto& text :
       {every, std::string("\"\\\n\t\x01"), std::string("d\u00e9j\u00e0 \U0001F600"), std::string("\xC3")}) {
    const auto line = one_line({{"text", text}});
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_TRUE(base::is_utf8(line));
    const auto value = boost::json::parse(line).at("text").as_string();
    if (base::is_utf8(text)) EXPECT_EQ(std::string_view(value), text);
  }
  EXPECT_NE(one_line({{"text", "a\xFFz"}}).find("\"a\uFFFDz\""), std::string::npos);
}

TEST(Log, WritesNumbersThatJsonKnows) {
  const auto value = boost::json::parse(one_line({{"big", std::numeric_limits<std::int64_t>::min()},
                                                  {"nan", std::numeric_limits<double>::quiet_NaN()},
                                                  {"large", 1e300}}));
  EXPECT_EQ(value.at("big").as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(value.at("nan").is_null());
  EXPECT_EQ(value.at("large").as_double(), 1e300);
}

TEST(Log, ShowsTheTimeOfEachLine) {
  Pipe pipe;
  base::FakeClock clock;
  Log log(pipe.ends[1], Level::debug, clock);
  for (const int step : {7, 1000, 59'000, 86'400'000}) {
    clock.advance(base::Milliseconds(step));
    log.write(Level::info, "tick", {});
    log.flush();
    const auto line = boost::json::parse(pipe.take());
    EXPECT_EQ(std::string_view(line.at("time").as_string()), base::format_time(clock.now()));
  }
}

TEST(Log, KeepsLinesBelowItsLevelOut) {
  Pipe pipe;
  const base::FakeClock clock;
  {
    Log log(pipe.ends[1], Level::warn, clock);
    log.write(Level::info, "quiet", {});
    log.set_level(Level::info);
    log.write(Level::info, "heard", {});
  }
  const auto text = pipe.take();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("heard"), std::string::npos);
}

TEST(Log, WritesWholeLinesOfManyThreads) {
  Pipe pipe;
  const base::FakeClock clock;
  std::string all;
  std::thread reader([&] {
    for (auto part = pipe.take(); !part.empty(); part = pipe.take()) all += part;
  });
  {
    Log log(pipe.ends[1], Level::info, clock);
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&log, t] {
        for (int i = 0; i < 500; ++i) log.write(Level::info, "line", {{"thread", t}, {"number", i}});
      });
    }
  }
  close(std::exchange(pipe.ends[1], dup(pipe.ends[0])));
  reader.join();
  std::istringstream lines(all);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_NO_THROW(boost::json::parse(line));
  EXPECT_EQ(count, 2000);
}

TEST(Log, DropsAndCountsWhenNobodyReads) {
  Pipe pipe;
  const base::FakeClock clock;
  Log log(pipe.ends[1], Level::info, clock);
  const std::string large(100'000, 'x');
  for (int i = 0; i < 300; ++i) log.write(Level::info, "stuck", {{"text", large}});
  EXPECT_GT(log.dropped(), 100u);
  close(std::exchange(pipe.ends[0], -1));  // frees the writer: the rest is given up
  log.flush();
  EXPECT_GE(log.dropped(), 299u);
}

}  // namespace
}  // namespace telemetry
