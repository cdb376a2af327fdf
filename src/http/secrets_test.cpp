#include "http/secrets.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace http {
namespace {

using namespace std::chrono_literals;

const std::string kOne(40, 'a');
const std::string kTwo(40, 'b');

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.message;
  }
  return "";
}

struct SecretsFile : testing::Test {
  SecretsFile() {
    std::string name = (std::filesystem::temp_directory_path() / "secretsXXXXXX").string();
    folder = ::mkdtemp(name.data());
    path = (folder / "secret").string();
    options.secret_file = path;
  }
  ~SecretsFile() override { std::filesystem::remove_all(folder); }
  void write(std::string_view text) const { std::ofstream(path) << text; }

  std::filesystem::path folder;
  std::string path;
  AuthOptions options;
  base::FakeClock clock;
};

TEST(Keys, AreTwoLinesOrJson) {
  const auto lines = parse_keys("  " + kOne + "\r\n" + kTwo + "\n\n", "f");
  EXPECT_EQ(lines.current.reveal(), kOne);
  EXPECT_EQ(lines.previous.reveal(), kTwo);
  const auto json = parse_keys(R"({"current":")" + kOne + R"(","previous":")" + kTwo + "\"}", "f");
  EXPECT_EQ(json.current.reveal(), kOne);
  EXPECT_EQ(json.previous.reveal(), kTwo);
  EXPECT_TRUE(parse_keys(kOne, "f").previous.empty());
  EXPECT_TRUE(parse_keys(R"({"current":")" + kOne + R"(","previous":null})", "f").previous.empty());
}

TEST(Keys, AreRefusedWithoutBeingRepeated) {
  const std::vector<std::string> wrong{"",
                                       " \n",
                                       "short-key",
                                       kOne + "\nshort-key",
                                       kOne + "\n" + kOne + "\n" + kOne,
                                       "{",
                                       R"({"previous":"short-key"})",
                                       R"({"current":7})",
                                       R"({"current":"short-key"})"};
  for (const auto& text : wrong) {
    const auto message = message_of([&] { parse_keys(text, "the file"); });
    EXPECT_NE(message, "") << text;
    EXPECT_EQ(message.find("short-key"), std::string::npos);
    EXPECT_NE(message.find("the file"), std::string::npos) << message;
  }
  EXPECT_NE(message_of([] { parse_keys("short-key", "f"); }).find("at least 32"), std::string::npos);
}

TEST(Secrets, ComeFromTheConfiguration) {
  base::FakeClock clock;
  AuthOptions options;
  EXPECT_THROW(Secrets(options, clock), base::Error);
  options.secret = base::Secret("too short");
  EXPECT_THROW(Secrets(options, clock), base::Error);
  options.secret = base::Secret(kOne);
  options.previous_secret = base::Secret(kTwo);
  Secrets secrets(options, clock);
  EXPECT_EQ(secrets.keys()->current.reveal(), kOne);
  EXPECT_EQ(secrets.keys()->previous.reveal(), kTwo);
  options.secret_file = "/somewhere";
  EXPECT_THROW(Secrets(options, clock), base::Error);
}

TEST_F(SecretsFile, IsReadAgainWhenItChanges) {
  write(kOne);
  Secrets secrets(options, clock);
  const auto before = secrets.generation();
  write(kTwo + "\n" + kOne);
  EXPECT_EQ(secrets.keys()->current.reveal(), kOne);  // looked at less than a second ago
  clock.advance(1s);
  EXPECT_EQ(secrets.keys()->current.reveal(), kTwo);
  EXPECT_EQ(secrets.keys()->previous.reveal(), kOne);
  EXPECT_EQ(secrets.generation(), before + 1);
  clock.advance(5s);
  EXPECT_EQ(secrets.generation(), before + 1);
}

TEST_F(SecretsFile, KeepsTheOldKeysWhileTheFileIsUnusable) {
  write(kOne);
  Secrets secrets(options, clock);
  write("half");
  clock.advance(1s);
  EXPECT_EQ(secrets.keys()->current.reveal(), kOne);
  EXPECT_NE(secrets.fault(), "");
  std::filesystem::remove(path);
  clock.advance(1s);
  EXPECT_EQ(secrets.keys()->current.reveal(), kOne);
  EXPECT_NE(secrets.fault(), "");
  write(kTwo);
  clock.advance(1s);
  EXPECT_EQ(secrets.keys()->current.reveal(), kTwo);
  EXPECT_EQ(secrets.fault(), "");
}

TEST_F(SecretsFile, MustBeThereAtTheStart) {
  EXPECT_NE(message_of([&] { Secrets(options, clock); }).find(path), std::string::npos);
  write(std::string(70'000, 'a'));
  EXPECT_THROW(Secrets(options, clock), base::Error);
}

TEST_F(SecretsFile, CanBeAskedByManyThreadsWhileItChanges) {
  write(kOne);
  Secrets secrets(options, clock);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto key = secrets.keys()->current.reveal();
        EXPECT_TRUE(key == kOne || key == kTwo);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto draft = path + ".new";
    std::ofstream(draft) << (i % 2 == 0 ? kTwo : kOne);
    std::filesystem::rename(draft, path);
    clock.advance(1s);
  }
  for (auto& thread : threads) thread.join();
}

struct DevelopmentSecret : SecretsFile {
  base::FakeRandom random;
};

TEST_F(DevelopmentSecret, IsMadeOnceAndKeptToItsOwner) {
  const auto data = folder / "new" / "data";
  const auto first = load_or_create_development_secret(data, random);
  EXPECT_EQ(first.reveal().size(), 64u);  // 48 bytes in base64url
  struct stat found{};
  ASSERT_EQ(::stat((data / "dev-secret").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_EQ(load_or_create_development_secret(data, random), first);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(data), {}), 1);
}

TEST_F(DevelopmentSecret, IsRefusedWhenOthersCanReadIt) {
  load_or_create_development_secret(folder, random);
  ::chmod((folder / "dev-secret").c_str(), 0644);
  const auto message = message_of([&] { load_or_create_development_secret(folder, random); });
  EXPECT_NE(message.find("chmod 600"), std::string::npos) << message;
}

TEST_F(DevelopmentSecret, IsNoLinkAndNoRubbish) {
  const auto file = folder / "dev-secret";
  write(kOne);
  ::chmod(path.c_str(), 0600);
  std::filesystem::create_symlink(path, file);
  EXPECT_THROW(load_or_create_development_secret(folder, random), base::Error);
  std::filesystem::remove(file);
  std::ofstream(file) << "abc";
  ::chmod(file.c_str(), 0600);
  EXPECT_NE(message_of([&] { load_or_create_development_secret(folder, random); }).find("remove it"),
            std::string::npos);
}

TEST_F(DevelopmentSecret, IsOneForServersThatStartTogether) {
  std::vector<std::string> got(4);
  std::vector<std::thread> threads;
  for (auto& secret : got) {
    threads.emplace_back([&] { secret = load_or_create_development_secret(folder, random).reveal(); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& secret : got) EXPECT_EQ(secret, got.front());
}

}  // namespace
}  // namespace http
