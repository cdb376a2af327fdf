#include "llm/scripted.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace llm {
namespace {

TEST(ScriptedProvider, AnswersInOrderAndStreamsEachAnswerWhole) {
  boost::asio::io_context context(1);
  ScriptedProvider model;
  model.answers = {"one two  three", "last"};
  std::string streamed;
  std::vector<std::string> texts;
  const auto three_calls = [&]() -> base::Task<void> {
    for (int i = 0; i < 3; ++i) {
      streamed.clear();
      const auto reply =
          co_await model.complete({.purpose = Purpose::extraction}, [&](std::string_view piece) { streamed += piece; });
      EXPECT_EQ(streamed, reply.text.reveal());
      texts.push_back(streamed);
    }
  };
  boost::asio::co_spawn(context, three_calls(), boost::asio::detached);
  context.run();
  EXPECT_EQ(texts, (std::vector<std::string>{"one two  three", "last", "last"}));
  EXPECT_EQ(model.seen().at(2).purpose, Purpose::extraction);
}

TEST(Gate, HoldsEverybodyBackUntilItOpens) {
  boost::asio::io_context context(1);
  Gate gate;
  int passed = 0;
  const auto pass = [&]() -> base::Task<void> {
    co_await gate.wait();
    ++passed;
  };
  boost::asio::co_spawn(context, pass(), boost::asio::detached);
  boost::asio::co_spawn(context, pass(), boost::asio::detached);
  context.poll();
  EXPECT_EQ(gate.arrived(), 2);
  EXPECT_EQ(passed, 0);
  gate.open();
  context.run();
  EXPECT_EQ(passed, 2);
}

}  // namespace
}  // namespace llm
