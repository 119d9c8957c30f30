"""What the tests of caches that outlive the disk share."""
import shutil

import support


class TravellingTest(support.EndToEndTest):
    """Each test starts on an empty disk, beside a registry with a base image."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_hub()

    def setUp(self):
        self.forget_everything()

    def forget_everything(self):
        shutil.rmtree(self.store, True)

    def name(self, text):
        """A name in the registry that is this test's own."""
        return f"{self.hub.name}/{self.id().rsplit('.', 1)[1].replace('_', '-')}/{text}"
