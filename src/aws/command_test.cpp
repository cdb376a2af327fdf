#include "aws/command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hpp"
#include "net/impostor_test.hpp"

namespace aws {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

TEST(SplitCommand, SplitsAsAShellWould) {
  EXPECT_EQ(split_command(R"(  /bin/a  -x 'b  c'\ d "e \"f\" \n $HOME" '' g'h'"i")"),
            (Words{"/bin/a", "-x", "b  c d", R"(e "f" \n $HOME)", "", "ghi"}));
  for (const auto* odd : {"", "  ", "a 'b", "a \"b"}) EXPECT_THROW(split_command(odd), base::Error) << odd;
}

struct RunCommand : testing::Test {
  boost::asio::io_context context{1};
  std::string run(const Words& words, base::Milliseconds timeout = 10s) {
    return net::await(context, run_command(words, {{"PATH", "/usr/bin:/bin"}, {"X", "our variable"}}, timeout));
  }
  std::string fault(const Words& words, base::Milliseconds timeout = 10s) {
    try {
      run(words, timeout);
    } catch (const base::Error& error) {
      return error.message;
    }
    return "";
  }
};

TEST_F(RunCommand, GivesWhatIsWritten) {
  EXPECT_EQ(run({"sh", "-c", "echo $X; echo secret >&2; cat"}), "our variable\n") << "no input, no standard error";
}

TEST_F(RunCommand, HandsDownNoneOfOurFiles) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  EXPECT_EQ(run({"sh", "-c", "ls /proc/self/fd | tr '\\n' ' '"}), "0 1 2 3 ") << "3 is the folder that ls reads";
  close(ends[0]);
  close(ends[1]);
}

TEST_F(RunCommand, SaysHowItEnded) {
  EXPECT_NE(fault({"sh", "-c", "exit 7"}).find("status 7"), std::string::npos);
  EXPECT_NE(fault({"sh", "-c", "kill -9 $$"}).find("signal 9"), std::string::npos);
  EXPECT_NE(fault({"/no/such/program"}).find("cannot be started"), std::string::npos);
  EXPECT_NE(fault({"head", "-c", "70000", "/dev/zero"}).find("more than"), std::string::npos);
}

TEST_F(RunCommand, KillsWhatTakesTooLong) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(fault({"sleep", "30"}, 100ms).find("has not ended after 100 ms"), std::string::npos);
  EXPECT_NE(fault({"sh", "-c", "exec >&-; sleep 30"}, 100ms).find("has not ended"), std::string::npos);
  EXPECT_NE(fault({"sh", "-c", "sleep 30 & sleep 30"}, 100ms).find("has not ended"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace aws
