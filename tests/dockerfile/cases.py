"""Dockerfiles whose outcome BuildKit itself has written down (``recorded.json``): what was once wrong, and every rule.

``python -m tests.dockerfile.record`` writes the outcomes anew on a real engine; ``test_cases.py`` holds ours against
them without one, and ``test_differential.py`` holds a real engine against them.
"""

from __future__ import annotations

FILES = {
    ".dockerignore": "**/*.log\nignored\n!ignored/kept.py\n",
    "a/a.py": "1",
    "a/b.txt": "2",
    "a/b/a.py": "3",
    "a/b/c/d.py": "4",
    "a/[x].py": "5",
    "a/run.log": "log",
    "a/up": "-> ../b",
    "a/x y.py": "11",
    "ab": "9",
    "abc/": "",
    "abslink": "-> /b",
    "b/a.py": "6",
    "b/ab/a.txt": "7",
    "broken": "-> nowhere",
    "c.py": "8",
    "d/a.py": "10",
    "flink": "-> c.py",
    "ignored/kept.py": "k",
    "ignored/lost.py": "l",
    "link": "-> a",
    "outside": "-> ../../etc/passwd",
    "sub/link": "-> ../d/a.py",
}

CASES = {
    # What a source brings, and where to
    "folder contents": "FROM scratch\nCOPY a /x\n",
    "folder into a folder that is there": "FROM scratch\nWORKDIR /x\nCOPY a /x\nCOPY b /x/\n",
    "file to a name": "FROM scratch\nCOPY c.py /x\n",
    "file into a folder by its slash": "FROM scratch\nCOPY c.py /x/\n",
    "file into a folder that is there": "FROM scratch\nWORKDIR /x\nCOPY c.py /x\n",
    "file into a folder by its dot": "FROM scratch\nCOPY c.py /x/.\n",
    "several sources": "FROM scratch\nCOPY c.py a/b b/a.py /x/\n",
    "several files to one name, the last stays": "FROM scratch\nCOPY c.py b/a.py /x\n",
    "a later file wins": "FROM scratch\nCOPY a /x\nCOPY b /x\n",
    "wildcards": "FROM scratch\nCOPY a/*.py /x/\nCOPY */b /y\nCOPY [^b-z]b [d-f] /z/\nCOPY a/?.py /q/\n",
    "wildcards that match nothing": "FROM scratch\nCOPY c.py no* /x/\n",
    "escaped wildcards": "FROM scratch\nCOPY a/[[]x].py /x/\nCOPY a/\\[x\\].py /y/\n",
    "names with blanks": 'FROM scratch\nCOPY ["a/x y.py", "/n m/"]\n',
    "the ignore file": "FROM scratch\nCOPY . /x/\nCOPY a/*.log /y/\nCOPY ignored /z\n",
    "links as sources are followed": (
        "FROM scratch\nCOPY link /x\nCOPY flink /y\nCOPY sub/link /z/\nCOPY link/b a/up abslink /w/\n"
    ),
    "links in a folder stay links": "FROM scratch\nCOPY . /x\n",
    "links behind a wildcard": "FROM scratch\nCOPY l* /x/\nCOPY link/*.py /y/\nCOPY */b /z/\n",
    "a destination behind a link": "FROM scratch\nCOPY sub /sub\nCOPY link a/up /k/\nCOPY a /k\nCOPY c.py /k/up/x.py\n",
    "dots in the paths": "FROM scratch\nCOPY ./a/../b/./a.py /x/../y/./z.py\nCOPY ../c.py /q\n",
    "add is copy for plain files": "FROM scratch\nADD a c.py /x/\n",
    # Folders and variables
    "workdir": "FROM scratch\nWORKDIR /x\nWORKDIR y\nCOPY c.py .\nWORKDIR ../z\nCOPY c.py ./\nCOPY c.py q\n",
    "workdir without a slash": "FROM scratch\nWORKDIR x\nCOPY c.py .\n",
    "workdir with variables": "FROM scratch\nENV R=/r\nARG S=s\nWORKDIR $R/${S}/${T:-t}\nCOPY c.py .\n",
    "argument before and in the stage": "ARG D=/g\nFROM scratch\nCOPY c.py ${D:-/none}/\nARG D\nCOPY c.py $D/\n",
    "argument of a stage passes to its children": "FROM scratch AS p\nARG D=/p\nFROM p\nCOPY c.py $D/\n",
    "environment passes to the children": (
        "FROM scratch AS p\nENV D=/p\nWORKDIR /w\nFROM p\nCOPY c.py $D/\nCOPY c.py .\n"
    ),
    "argument after environment": "FROM scratch\nENV D=/env\nARG D=/arg\nCOPY c.py $D/\n",
    "environment after argument": "FROM scratch\nARG D=/arg\nENV D=/env\nCOPY c.py $D/\n",
    "environment of one line is what it was before": "FROM scratch\nENV A=/a\nENV A=/b B=$A\nCOPY c.py $B/\n",
    "name of the base from an argument": (
        "ARG B=one\nFROM scratch AS one\nCOPY c.py /one\nFROM scratch AS two\nFROM $B\n"
    ),
    # Stages
    "from a stage": (
        "FROM scratch AS s\nWORKDIR /w\nCOPY a .\nFROM scratch\nCOPY --from=s /w/b /x\nCOPY --from=0 w/a.py /y/\n"
    ),
    "from a stage, wildcards and links": (
        "FROM scratch AS s\nCOPY . /w\nFROM scratch\nCOPY --from=s /w/*.py /x/\nCOPY --from=s /w/link /y\n"
    ),
    "from a stage, letter case": "FROM scratch AS BuilD\nCOPY a /a\nFROM scratch\nCOPY --from=bUILD /a /x\n",
    "a stage name used twice": (
        "FROM scratch AS s\nCOPY a /f\nFROM scratch AS s\nCOPY b /f\nFROM scratch\nCOPY --from=s /f /x\n"
    ),
    "a stage on a stage": "FROM scratch AS s\nCOPY a /x\nFROM s AS t\nCOPY b /x\nFROM t\nCOPY c.py /x/\n",
    # Text
    "heredocs": "FROM scratch\nARG V=v\nCOPY <<A <<-'B' <<\"C\" /x/\n$V \\$V '$V'\nA\n\t\t$V\n\tB\n$V\nC\n",
    "heredoc to a name": "FROM scratch\nCOPY <<A /x\nCOPY c.py /no\nA\n",
    "continuation lines": "FROM scratch\nCOPY a/a.py \\\n# comment\n\n   c.py \\ \t\n  /x/\n",
    "another escape": "# escape=`\nFROM scratch\nENV D=/x`\n/y\nCOPY c.py `\n  $D/a\\b\n",
    "windows line ends": "FROM scratch\r\nCOPY a/a.py \\\r\n c.py /x/\r\nCOPY <<E /y\r\nline\r\nE\r\n",
    "byte order mark": "\ufeffFROM scratch\nCOPY c.py /x\n",
    "lower case": "from scratch as S\ncopy c.py /x\nfrom s\n",
    "quotes in words": 'FROM scratch\nCOPY \'c.py\' "/x/y"\nENV Q="a b"\nCOPY c.py "/$Q/"\n',
}
