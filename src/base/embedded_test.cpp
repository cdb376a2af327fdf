#include "base/embedded.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

namespace base {
namespace {

TEST(Embedded, TopicsAreInsideAsJson) {
  const auto names = embedded_names("topics/core_values/");
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const auto topic = embedded("topics/core_values/topic.json");
  ASSERT_TRUE(topic);
  EXPECT_EQ(boost::json::parse(*topic).at("id").as_string(), "core_values");
}

TEST(Embedded, AnUnknownPathIsNothing) {
  EXPECT_FALSE(embedded("topics/../CMakeLists.txt"));
  EXPECT_FALSE(embedded(""));
  EXPECT_TRUE(embedded_names("nothing/").empty());
}

TEST(Embedded, TheDocsAlwaysHaveAPage) {
  const auto page = embedded("docs/index.html");
  ASSERT_TRUE(page);
  EXPECT_NE(page->find("<"), std::string_view::npos);
}

}  // namespace
}  // namespace base
