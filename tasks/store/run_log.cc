// A chunk is text where it is text, and Base64 where it is not: PostgreSQL's
// TEXT takes only UTF-8 without NUL, and neither does SOCI know its BYTEA.

#include "tasks/store/run_log.h"

#include <algorithm>
#include <utility>

#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::store {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr int64_t kChunksAtOnce = 32;

struct LogEnd {
  int64_t chunks = 0;
  int64_t bytes = 0;
};

// Of a run whose lease holds; its row is locked then.
Result<std::optional<LogEnd>> LockedEnd(Connection& connection,
                                        const Lease& lease) {
  std::string sql =
      "SELECT log_chunks, log_bytes FROM runs "
      "WHERE number = ? AND token = ? AND status = 'Running'";
  sql += connection.Locking(RowLock::kWait);
  ASSIGN_OR_RETURN(std::vector<Row> rows,
                   connection.Query(sql, 2, {lease.run_number, lease.token}));
  if (rows.empty()) return std::optional<LogEnd>();
  return std::optional<LogEnd>({rows[0][0].number(), rows[0][1].number()});
}

Status AddChunk(Connection& connection, int64_t run, LogEnd& end,
                std::string_view text) {
  bool plain =
      gotmpl::ValidUtf8(text) && text.find('\0') == std::string_view::npos;
  RETURN_IF_ERROR(connection.Execute(
      "INSERT INTO run_log_chunks (run, chunk, start, encoding, content) "
      "VALUES (?, ?, ?, ?, ?)",
      {run, end.chunks, end.bytes, std::string(plain ? "text" : "base64"),
       plain ? std::string(text) : Base64Encode(text)}));
  ++end.chunks;
  end.bytes += static_cast<int64_t>(text.size());
  return {};
}

struct Chunk {
  int64_t start = 0;
  std::string text;
};

Result<Chunk> ChunkOf(const std::string& run_id, const Row& row) {
  Chunk chunk;
  chunk.start = row[0].number();
  chunk.text = row[2].text();
  if (row[1].text() == "text") return chunk;
  auto decoded = Base64Decode(chunk.text);
  if (!decoded) return Corrupt("the log of run " + run_id + " is damaged");
  chunk.text = *std::move(decoded);
  return chunk;
}

// The chunk that has `offset`, and those behind it.
Result<std::vector<Row>> ChunksFrom(Connection& connection, int64_t run,
                                    int64_t offset) {
  return connection.Query(
      "SELECT start, encoding, content FROM run_log_chunks WHERE run = ? "
      "AND start >= (SELECT COALESCE(max(start), 0) FROM run_log_chunks "
      "WHERE run = ? AND start <= ?) ORDER BY start LIMIT ?",
      3, {run, run, offset, kChunksAtOnce});
}

Status Fill(Connection& connection, const std::string& run_id, int64_t run,
            size_t max_bytes, LogPart& part) {
  ASSIGN_OR_RETURN(std::vector<Row> rows,
                   ChunksFrom(connection, run, part.next_offset));
  for (const Row& row : rows) {
    if (!part.text.empty() && part.text.size() >= max_bytes) break;
    ASSIGN_OR_RETURN(Chunk chunk, ChunkOf(run_id, row));
    size_t skip = static_cast<size_t>(part.next_offset - chunk.start);
    if (skip >= chunk.text.size()) continue;
    part.text += std::string_view(chunk.text).substr(skip);
    part.next_offset = chunk.start + static_cast<int64_t>(chunk.text.size());
  }
  return {};
}

}  // namespace

Result<bool> RunLog::Append(const Lease& lease, int64_t offset,
                            std::string_view text) {
  bool held = false;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(auto end, LockedEnd(connection, lease));
    held = end.has_value();
    const int64_t size = static_cast<int64_t>(text.size());
    if (!held || size == 0 || end->bytes == offset + size) return {};
    if (end->bytes != offset) {
      return Internal("the log of run " + lease.run_id + " ends at byte " +
                      std::to_string(end->bytes) + ", not at " +
                      std::to_string(offset));
    }
    for (size_t from = 0; from < text.size(); from += kChunkBytes) {
      RETURN_IF_ERROR(AddChunk(connection, lease.run_number, *end,
                               text.substr(from, kChunkBytes)));
    }
    RETURN_IF_ERROR(connection.Execute(
        "UPDATE runs SET log_chunks = ?, log_bytes = ? WHERE number = ?",
        {end->chunks, end->bytes, lease.run_number}));
    return {};
  }));
  return held;
}

Result<LogPart> RunLog::Read(const std::string& run_id, int64_t offset,
                             size_t max_bytes) {
  LogPart part;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    // The state first: where it is an end, no chunk follows those read next.
    ASSIGN_OR_RETURN(std::vector<Row> rows,
                     connection.Query("SELECT number, status, log_bytes, "
                                      "log_pruned FROM runs WHERE id = ?",
                                      4, {run_id}));
    if (rows.empty()) return NotFound("there is no run " + run_id);
    part.state = ParseRunState(rows[0][1].text()).value_or(RunState::kError);
    part.pruned = rows[0][3].number() != 0;
    part.next_offset = std::max<int64_t>(offset, 0);
    const int64_t end = rows[0][2].number();
    if (part.next_offset >= end) return {};
    RETURN_IF_ERROR(
        Fill(connection, run_id, rows[0][0].number(), max_bytes, part));
    part.more = part.next_offset < end;
    return {};
  }));
  return part;
}

}  // namespace strake::tasks::store
