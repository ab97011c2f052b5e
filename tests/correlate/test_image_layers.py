"""What differs from build to build, ahead of what is installed, has it installed each time."""

import pytest

from nova_timeline.correlate import diffs

STAGES = """ FROM node:22 AS base
+ARG GIT_SHA
+ENV REVISION=${GIT_SHA}
 WORKDIR /app
 FROM base AS build
 COPY package.json ./
 RUN npm ci
 FROM node:22
-ARG GIT_SHA
"""


@pytest.mark.parametrize(
    ("text", "step"),
    [
        (STAGES, "RUN npm ci"),
        ("+COPY . .\n-COPY go.mod ./\n RUN go mod download\n-COPY . .\n", "RUN go mod download"),
        ("+LABEL revision=$GIT_SHA\n RUN pip install -r a.txt\n", "RUN pip install -r a.txt"),
    ],
)
def test_it_is_installed_anew_each_time(text: str, step: str) -> None:
    assert diffs.read(text).run_anew == step


@pytest.mark.parametrize(
    "text",
    [
        STAGES.replace("FROM base AS build", "FROM node:22 AS build"),
        " RUN npm ci\n+ARG GIT_SHA\n COPY . .\n",
        " COPY . .\n+ARG GIT_SHA\n RUN npm ci\n",
        "+ARG NODE_ENV=production\n RUN npm ci\n",
        "+COPY . .\n+RUN npm ci\n",
        "+COPY --from=build . .\n RUN npm ci\n",
        "+ARG BUILD_DATE\n FROM node:22\n RUN npm ci\n",
    ],
)
def test_what_comes_later_or_elsewhere_leaves_it_as_it_was(text: str) -> None:
    assert diffs.read(text).run_anew is None
