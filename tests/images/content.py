"""One image with everything that makes merging layers hard, and what a container of it sees."""

from __future__ import annotations

from tests.images.build import Made, Member, folder, gone, hardlink, layer, link, opaque

SHARED = b"revision = 'shared'\n"

IMAGE = Made(
    [
        layer(
            folder("app"),
            folder("app/versions"),
            Member("app/versions/001.py", b"one\n"),
            Member("app/versions/002.py", b"two\n"),
            Member("app/versions/003.py", b"three\n"),
            folder("app/versions/old"),
            Member("app/versions/old/a.py", b"a\n"),
            Member("app/versions/old/b.py", b"b\n"),
            folder("app/versions/turned"),
            Member("app/versions/turned/x.py", b"x\n"),
            folder("app/versions/linked"),
            Member("app/versions/linked/y.py", b"y\n"),
            Member("app/versions/was_file", b"file\n"),
            folder("app/versions/removed"),
            Member("app/versions/removed/z.py", b"z\n"),
            folder("shared"),
            Member("shared/s.py", SHARED),
            folder("empty"),
            Member("app2", b"not below /app\n"),
        ),
        layer(
            folder("app"),
            folder("app/versions"),
            gone("app/versions/001.py"),
            Member("app/versions/002.py", b"two, edited\n", mode=0o600),
            gone("app/versions/removed"),
            folder("app/versions/old"),
            Member("app/versions/old/c.py", b"c\n"),
            opaque("app/versions/old"),  # after what it does not hide: order in the tar means nothing
            Member("app/versions/turned", b"now a file\n"),
            link("app/versions/linked", "../../shared"),
            folder("app/versions/was_file"),
            Member("app/versions/was_file/in.py", b"in\n"),
            link("app/versions/s.py", "../../shared/s.py"),
            link("app/versions/absolute.py", "/shared/s.py"),
            link("app/versions/dangling.py", "nowhere.py"),
            Member("app/versions/hard1.py", b"hard\n"),
            hardlink("app/versions/hard2.py", "app/versions/hard1.py"),
            folder("store"),
            Member("store/outside.py", b"outside\n"),
            hardlink("app/versions/hard3.py", "store/outside.py"),
            Member("app/versions/naïve \x1b[2J.py", b"escape\n"),
            Member("app/versions/" + "n" * 120 + "/" + "m" * 200 + ".py", b"long\n"),
            link("current", "app"),
            link("latest", "current/versions"),
            link("up", "../../../app/versions"),
        ),
        layer(
            folder("app/versions"),
            gone("app/versions/003.py"),
            Member("app/versions/003.py", b"three, again\n"),
            Member("implied/parents/are/folders.py", b"f\n"),
            link("void", "/no/such/folder"),
        ),
    ]
)

ALL = {
    *("/", "/app", "/app2", "/shared", "/shared/s.py", "/empty", "/store", "/store/outside.py", "/current", "/latest"),
    *("/up", "/void", "/implied", "/implied/parents", "/implied/parents/are", "/implied/parents/are/folders.py"),
}
"""Every path of the image but those below /app/versions."""

VERSIONS = {
    "": "directory",
    "002.py": b"two, edited\n",
    "003.py": b"three, again\n",
    "old": "directory",
    "old/c.py": b"c\n",
    "turned": b"now a file\n",
    "linked": "-> ../../shared",
    "was_file": "directory",
    "was_file/in.py": b"in\n",
    "s.py": SHARED,
    "absolute.py": SHARED,
    "dangling.py": "-> nowhere.py",
    "hard1.py": b"hard\n",
    "hard2.py": b"hard\n",
    "hard3.py": b"outside\n",
    "naïve \x1b[2J.py": b"escape\n",
    "n" * 120: "directory",
    "n" * 120 + "/" + "m" * 200 + ".py": b"long\n",
}
"""What a container sees at /app/versions: a file's bytes, also through a link that ends in ``.py``, or what it is."""
