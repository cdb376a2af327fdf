#include "http/media.hpp"

#include <gtest/gtest.h>

namespace http {
namespace {

TEST(ContentType, IsJsonInUtf8) {
  for (const auto* type :
       {"application/json", "Application/JSON", "application/json;charset=utf-8",
        "application/json ; charset=\"UTF-8\"", "application/json; charset=utf8", "application/json;"}) {
    EXPECT_TRUE(is_json(type)) << type;
  }
  for (const auto* type : {"", "text/json", "application/jsonx", "application/problem+json", "text/plain",
                           "application/json; charset=latin1", "application/x-www-form-urlencoded", "json"}) {
    EXPECT_FALSE(is_json(type)) << type;
  }
}

TEST(Accept, ChoosesWhatSuitsBest) {
  const std::vector<std::string> offered{"application/json", "text/event-stream"};
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "application/json"},
      {"*/*", "application/json"},
      {"text/event-stream", "text/event-stream"},
      {"TEXT/Event-Stream", "text/event-stream"},
      {"application/json, text/event-stream", "application/json"},
      {"text/event-stream, application/json", "application/json"},
      {"text/event-stream, */*;q=0.1", "text/event-stream"},
      {"text/event-stream, */*", "text/event-stream"},
      {"text/*", "text/event-stream"},
      {"application/json;q=0.5, text/event-stream;q=0.9", "text/event-stream"},
      {"application/json;q=0, */*", "text/event-stream"},
      {"application/*;q=0.8, text/html", "application/json"},
      {" , application/json ,", "application/json"},
      {"text/event-stream;q=1.000;foo=bar", "text/event-stream"},
  };
  for (const auto& [accept, wanted] : cases) EXPECT_EQ(choose_media(accept, offered), wanted) << accept;
}

TEST(Accept, CanExcludeEverything) {
  const std::vector<std::string> offered{"application/json", "text/event-stream"};
  for (const auto* accept :
       {"text/html", "image/*", "*/*;q=0", "application/json;q=0", "application/json;q=x", "x", "json/*"}) {
    EXPECT_EQ(choose_media(accept, offered), std::nullopt) << accept;
  }
  EXPECT_EQ(choose_media("text/html", {}), "");  // there is no body to be unacceptable
}

}  // namespace
}  // namespace http
