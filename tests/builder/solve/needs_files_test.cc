#include "builder/solve/needs_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strake::builder::solve {
namespace {

using plan::CopyOp;
using plan::CopySource;
using plan::MergeOp;
using plan::RunOp;
using plan::VertexId;
using ::testing::ElementsAre;

class NeedsFilesTest : public ::testing::Test {
 protected:
  VertexId Add(plan::Op op, std::vector<VertexId> inputs = {}) {
    plan::Vertex vertex;
    vertex.op = std::move(op);
    vertex.inputs = std::move(inputs);
    return graph_.Add(std::move(vertex));
  }
  VertexId AddBase(const std::string& name) {
    return Add(plan::FetchOp{"http://host/" + name, name, {}});
  }
  std::vector<bool> Find(VertexId target, bool need_roots = false) {
    plan::TargetImage image;
    image.state = target;
    graph_.targets = {image};
    return FindNeedsFiles(graph_, need_roots);
  }
  static CopyOp Copy(bool add = false) {
    CopyOp copy;
    copy.add = add;
    return copy;
  }
  plan::BuildGraph graph_;
};

TEST_F(NeedsFilesTest, CopiesAndDirectoriesOnTopNeedNone) {
  VertexId base = AddBase("base");
  VertexId directory = Add(plan::MakeDirOp{"app", "", false}, {base});
  VertexId copy = Add(Copy(), {directory});
  EXPECT_THAT(Find(copy), ElementsAre(false, false, false));
  EXPECT_THAT(Find(copy, true), ElementsAre(true, true, true));
}

TEST_F(NeedsFilesTest, AStepNeedsAllThatIsBelow) {
  VertexId base = AddBase("base");
  VertexId copy = Add(Copy(), {base});
  VertexId run = Add(RunOp{}, {copy});
  VertexId last = Add(Copy(), {run});
  EXPECT_THAT(Find(last), ElementsAre(true, true, false, false));
}

TEST_F(NeedsFilesTest, WhatIsCopiedOutOfIsNeeded) {
  VertexId source = AddBase("source");
  VertexId made = Add(Copy(), {source});
  VertexId base = AddBase("base");
  VertexId copy = Add(Copy(), {base, made});
  EXPECT_THAT(Find(copy), ElementsAre(true, true, false, false));
}

TEST_F(NeedsFilesTest, AMergeNeedsWhatItPutsOnTop) {
  VertexId base = AddBase("base");
  VertexId empty = AddBase("empty");
  VertexId linked = Add(Copy(), {empty});
  VertexId merge = Add(MergeOp{}, {base, linked});
  EXPECT_THAT(Find(merge), ElementsAre(false, true, true, false));
}

TEST_F(NeedsFilesTest, ArchivesMayLinkToFilesBelow) {
  VertexId base = AddBase("base");
  VertexId add = Add(Copy(true), {base});
  EXPECT_THAT(Find(add), ElementsAre(true, false));
}

}  // namespace
}  // namespace strake::builder::solve
