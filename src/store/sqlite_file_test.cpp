// Files that cannot be worked with: each is refused with its reason, and is left as it was.
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "store/contract_test.hpp"
#include "store/sqlite_connection.hpp"
#include "store/sqlite_schema.hpp"
#include "store/sqlite_test.hpp"

namespace store {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Root may write everywhere; a server does not run as root.
class AsNobody {
 public:
  AsNobody() : was_root_(::geteuid() == 0) {
    if (was_root_ && ::seteuid(65534) != 0) std::abort();
  }
  ~AsNobody() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool was_root_;
};

class SqliteFile : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() { return surroundings_.open(clock_, options_); }
  base::Error refusal() {
    try {
      open();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::dependency_unavailable);
      EXPECT_NE(error.message.find(options_.path), std::string::npos) << error.message;
      return error;
    }
    ADD_FAILURE() << "the file was accepted";
    return {base::Code::internal_error, ""};
  }
  std::string refusal_reason() { return sqlite::reason_of(refusal()); }
  void fill(Store& store, int items) {
    for (int i = 0; i < items; ++i) {
      auto item = small_item("p", std::to_string(1000 + i));
      item.body.assign(500, 'x');
      wait_for(store.transact({Put{.item = item, .when = {}}}));
    }
  }

  SqliteSurroundings surroundings_;
  base::FakeClock clock_;
  SqliteOptions options_ = surroundings_.options();
};

TEST_F(SqliteFile, KeepsItsItemsWhenItIsOpenedAgain) {
  fill(*open(), 3);
  EXPECT_EQ(wait_for(open()->count({.partition = "p"})), 3);
}

TEST_F(SqliteFile, IsNobodyElsesToRead) {
  const auto store = open();
  fill(*store, 1);
  for (const auto* ending : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(fs::status(options_.path + ending).permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << ending;
  }
}

TEST_F(SqliteFile, IsRefusedToASecondServer) {
  auto first = open();
  const auto error = refusal();
  EXPECT_EQ(sqlite::reason_of(error), "locked by another process");
  EXPECT_NE(error.message.find("process " + std::to_string(::getpid())), std::string::npos) << error.message;
  first.reset();
  EXPECT_NO_THROW(open());
}

TEST_F(SqliteFile, OfANewerVersionIsRefusedNamingBoth) {
  open();
  sqlite::Connection(options_.path).execute("PRAGMA user_version=99");
  const auto before = read_file(options_.path);
  const auto error = refusal();
  EXPECT_EQ(sqlite::reason_of(error), "newer version");
  EXPECT_NE(error.message.find("version 99"), std::string::npos);
  EXPECT_NE(error.message.find("up to " + std::to_string(sqlite::migrations().size())), std::string::npos);
  EXPECT_EQ(read_file(options_.path), before);
}

TEST_F(SqliteFile, OfAnotherApplicationIsRefusedAndLeftAsItWas) {
  sqlite::Connection(options_.path, sqlite::Connection::File::may_be_made)
      .execute("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
  auto before = read_file(options_.path);
  EXPECT_EQ(refusal_reason(), "another application's file");
  EXPECT_EQ(read_file(options_.path), before);
  sqlite::Connection(options_.path).execute("DROP TABLE theirs; PRAGMA application_id=7");
  before = read_file(options_.path);
  EXPECT_EQ(refusal_reason(), "another application's file");
  EXPECT_EQ(read_file(options_.path), before);
}

TEST_F(SqliteFile, ThatIsNoDatabaseIsRefusedAndLeftAsItWas) {
  const std::string text(5000, 'n');
  write_file(options_.path, text);
  EXPECT_EQ(refusal_reason(), "not a database");
  EXPECT_EQ(read_file(options_.path), text);
}

TEST_F(SqliteFile, InAFolderThatIsMissingIsRefused) {
  options_.path = surroundings_.folder.file("missing/store.db");
  EXPECT_EQ(refusal_reason(), "cannot be opened");
}

TEST_F(SqliteFile, InAReadOnlyFolderIsRefused) {
  fs::permissions(surroundings_.folder.path(), fs::perms(0555));
  {
    const AsNobody nobody;
    EXPECT_EQ(refusal_reason(), "read-only");
  }
  fs::permissions(surroundings_.folder.path(), fs::perms(0755));
}

TEST_F(SqliteFile, ThatIsReadOnlyIsRefused) {
  fill(*open(), 1);
  fs::permissions(surroundings_.folder.path(), fs::perms(0777));
  fs::permissions(options_.path + ".lock", fs::perms(0666));
  fs::permissions(options_.path, fs::perms(0444));
  {
    const AsNobody nobody;
    EXPECT_EQ(refusal_reason(), "read-only");
  }
  fs::permissions(options_.path, fs::perms(0600));
  EXPECT_EQ(wait_for(open()->count({.partition = "p"})), 1);
}

TEST_F(SqliteFile, ThatIsDamagedGivesAnErrorAndNotWrongItems) {
  fill(*open(), 500);
  auto content = read_file(options_.path);
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = kPage * 6; at + kPage < content.size(); ++at) content[at] = static_cast<char>(at * 7);
  write_file(options_.path, content);
  const auto store = open();
  try {
    wait_for(store->query({.partition = "p", .limit = 1000}));
    FAIL() << "damage went unnoticed";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code, base::Code::dependency_unavailable);
    EXPECT_EQ(sqlite::reason_of(error), "corrupt");
    EXPECT_NE(error.message.find(options_.path), std::string::npos);
  }
  EXPECT_EQ(wait_for(store->health()).reason, "corrupt");
  EXPECT_EQ(wait_for(store->health()).reason, "corrupt");
}

TEST_F(SqliteFile, ThatIsTakenAwayIsNoticedByTheHealthCheck) {
  const auto store = open();
  fs::rename(options_.path, options_.path + ".away");
  EXPECT_EQ(wait_for(store->health()).reason, "cannot be opened");  // nobody has read yet
  EXPECT_FALSE(fs::exists(options_.path));
  fs::rename(options_.path + ".away", options_.path);
  EXPECT_TRUE(wait_for(store->health()).healthy);
  fs::rename(options_.path, options_.path + ".away");
  EXPECT_EQ(wait_for(store->health()).reason, "file moved or deleted");
  fs::rename(options_.path + ".away", options_.path);
  EXPECT_TRUE(wait_for(store->health()).healthy);
}

TEST_F(SqliteFile, ThatIsFullKeepsNothingOfWhatDidNotFit) {
  options_.max_file_bytes = 400'000;
  const auto store = open();
  int stored = 0;
  std::optional<base::Error> full;
  while (!full && stored < 1000) {
    auto big = small_item("p", std::to_string(1000 + stored));
    big.body.assign(5000, 'x');
    try {
      wait_for(store->transact({Put{.item = small_item("small", std::to_string(stored)), .when = {}},
                                Put{.item = big, .when = Condition::absent()}}));
      ++stored;
    } catch (const base::Error& error) {
      full = error;
    }
  }
  ASSERT_TRUE(full);
  EXPECT_EQ(full->code, base::Code::dependency_unavailable);
  EXPECT_EQ(sqlite::reason_of(*full), "disk full");
  EXPECT_TRUE(full->retry_after);
  EXPECT_EQ(wait_for(store->count({.partition = "p"})), stored);
  EXPECT_EQ(wait_for(store->count({.partition = "small"})), stored);
  EXPECT_EQ(wait_for(store->health()).reason, "disk full");

  for (int i = 0; i < stored; ++i) {  // deleting needs no room
    wait_for(store->transact({Delete{.key = {"p", std::to_string(1000 + i)}, .when = Condition::exists()}}));
  }
  EXPECT_TRUE(wait_for(store->health()).healthy);
  EXPECT_EQ(wait_for(store->count({.partition = "p"})), 0);
  fill(*store, 10);
}

TEST_F(SqliteFile, KeepsNothingReadableOfADeletedItem) {
  constexpr std::string_view kSaid = "words that only one person should know";
  auto store = open();
  auto item = small_item("p", "a");
  item.body = kSaid;
  wait_for(store->transact({Put{.item = item, .when = {}}, Put{.item = small_item("p", "b"), .when = {}}}));
  store.reset();
  EXPECT_NE(read_file(options_.path).find(kSaid), std::string::npos);
  store = open();
  wait_for(store->transact({Delete{.key = {"p", "a"}, .when = {}}}));
  store.reset();
  EXPECT_EQ(read_file(options_.path).find(kSaid), std::string::npos);
}

TEST(SqliteSchema, RunsTheMissingStepsInOrder) {
  const TemporaryFolder folder;
  sqlite::Connection connection(folder.file("x.db"), sqlite::Connection::File::may_be_made);
  const std::vector<std::string_view> one{"CREATE TABLE a(x); INSERT INTO a VALUES(1)"};
  const std::vector<std::string_view> three{one[0], "ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = x + 1"};
  sqlite::bring_up_to_date(connection, one);
  EXPECT_EQ(connection.number("PRAGMA user_version"), 1);
  sqlite::bring_up_to_date(connection, three);
  sqlite::bring_up_to_date(connection, three);
  EXPECT_EQ(connection.number("PRAGMA user_version"), 3);
  EXPECT_EQ(connection.number("PRAGMA application_id"), sqlite::kApplicationId);
  EXPECT_EQ(connection.number("SELECT y FROM a"), 2);
  EXPECT_THROW(sqlite::check_ours(connection, one), base::Error);
}

// What the first published format wrote.
void write_version_1(const std::string& path) {
  sqlite::Connection connection(path, sqlite::Connection::File::may_be_made);
  sqlite::bring_up_to_date(connection, sqlite::migrations().first(1));
  connection.execute(
      "INSERT INTO items(partition, sort, version, number, expires_at, index_partition, index_sort, body) VALUES"
      "('p', 'a', 3, 0, 0, 'u', '1', '{\"text\":\"old\"}'), ('p', 'n', 0, 42, 0, NULL, NULL, '{}')");
}

TEST_F(SqliteFile, OfTheFirstFormatKeepsItsContentAndGetsMoreCounters) {
  write_version_1(options_.path);
  auto store = open();
  const Item old{.key = {"p", "a"}, .version = 3, .body = R"({"text":"old"})", .index = Key{"u", "1"}};
  EXPECT_EQ(wait_for(store->get(old.key)), old);
  wait_for(store->transact({Add{.key = {"p", "n"}, .amounts = {1, 2, 0, 0, 0, 3}, .when = Condition::at_most(42)},
                            Put{.item = small_item("p", "new"), .when = Condition::absent()}}));
  store.reset();
  store = open();
  EXPECT_EQ(wait_for(store->get({"p", "n"}))->counters, (Counters{43, 2, 0, 0, 0, 3}));
  EXPECT_EQ(wait_for(store->query_index({.partition = "u"})).items, std::vector{old});
  EXPECT_EQ(sqlite::Connection(options_.path).number("PRAGMA user_version"), 2);
}

TEST_F(SqliteFile, OpenedToReadIsReadBesideItsServerAndNeverWritten) {
  EXPECT_THROW(open_sqlite_to_read(options_, clock_), base::Error);
  EXPECT_FALSE(fs::exists(options_.path));
  const auto server = open();
  fill(*server, 3);
  const auto view = open_sqlite_to_read(options_, clock_);
  EXPECT_EQ(wait_for(view->count({.partition = "p"})), 3);
  fill(*server, 5);
  EXPECT_EQ(wait_for(view->count({.partition = "p"})), 5);
  EXPECT_THROW(wait_for(view->transact({Put{.item = small_item("p", "x"), .when = {}}})), base::Error);
}

TEST_F(SqliteFile, OfTheFirstFormatIsNotReadBeforeItsServerHasBroughtItUpToDate) {
  write_version_1(options_.path);
  EXPECT_THROW(open_sqlite_to_read(options_, clock_), base::Error);
  EXPECT_EQ(sqlite::Connection(options_.path).number("PRAGMA user_version"), 1);
}

TEST(SqliteSchema, KeepsNothingOfAStepThatFails) {
  const TemporaryFolder folder;
  sqlite::Connection connection(folder.file("x.db"), sqlite::Connection::File::may_be_made);
  const std::vector<std::string_view> steps{"CREATE TABLE a(x)",
                                            "INSERT INTO a VALUES(1); INSERT INTO nowhere VALUES(1)"};
  EXPECT_THROW(sqlite::bring_up_to_date(connection, steps), base::Error);
  EXPECT_EQ(connection.number("PRAGMA user_version"), 1);
  EXPECT_EQ(connection.number("SELECT count(*) FROM a"), 0);
}

}  // namespace
}  // namespace store
