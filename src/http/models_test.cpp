#include "http/models.hpp"

#include <gtest/gtest.h>

#include "base/embedded.hpp"
#include "base/json.hpp"
#include "base/schema.hpp"

namespace http {
namespace {

TEST(Models, LookAsTheContractSays) {
  llm::Model model{.code = "small", .vendor = llm::Vendor::bedrock, .id = "us.small-1", .region = "eu-central-1"};
  model.price = {.input = 2, .output = 10, .cached_input = 0.2};
  const auto json = to_json({.model = &model,
                             .health = {llm::Health::State::unhealthy, "no key"},
                             .circuit = net::CircuitState::half_open,
                             .in_flight = 3,
                             .queued = 1,
                             .routes = {"default.free"}});
  EXPECT_EQ(json.at("price"), base::parse_json(R"({"input":2.0,"output":10.0,"cached_input":0.2,"cache_write":2.0})"));
  EXPECT_EQ(json.at("status"), "unhealthy");
  EXPECT_EQ(json.at("reason"), "no key");
  EXPECT_EQ(json.at("circuit"), "half_open");
  EXPECT_EQ(json.at("region"), "eu-central-1");
  EXPECT_TRUE(json.at("retires_on").is_null());
  const auto contract = base::parse_json(*base::embedded("openapi.json"));
  for (const auto& name : contract.at_pointer("/components/schemas/Model/required").as_array()) {
    EXPECT_TRUE(json.as_object().contains(name.as_string())) << name.as_string();
  }
  EXPECT_EQ(json.as_object().size(), contract.at_pointer("/components/schemas/Model/properties").as_object().size());
}

}  // namespace
}  // namespace http
