"""What a program does with the official SDKs of PyPI; prints what came of it as one JSON object."""

import asyncio
import json
import os
import sys

MODEL = os.environ["MODEL"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Weather of a city"}


def error_of(call):
    try:
        call()
    except Exception as error:  # every class is of interest here
        status = getattr(error, "status_code", None)
        return {"name": type(error).__name__, "status": status, "code": getattr(error, "code", None)}
    return "no error"


def openai_client():
    from openai import OpenAI

    return OpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="none", max_retries=0)


def openai_chat():
    client = openai_client()
    says_hello = [{"role": "user", "content": "hello"}]
    whole = client.chat.completions.create(model=MODEL, messages=says_hello)
    stream = client.chat.completions.create(
        model=MODEL, messages=says_hello, stream=True, stream_options={"include_usage": True}
    )
    text, tokens = "", 0
    for chunk in stream:
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
    embedded = client.embeddings.create(model=MODEL, input=["one"])
    return {
        "whole": whole.choices[0].message.content,
        "stream": text,
        "tokens": tokens,
        "embedding": embedded.data[0].embedding,
        "models": [each.id for each in client.models.list()],
    }


def openai_responses():
    client = openai_client()
    tool = {"type": "function", **WEATHER, "parameters": SCHEMA}
    items = [{"role": "user", "content": "weather"}]
    with client.responses.stream(model=MODEL, input=items, tools=[tool]) as stream:
        types = {event.type for event in stream}
        first = stream.get_final_response()
    calls = [item for item in first.output if item.type == "function_call"]
    items += [item.model_dump(exclude_none=True) for item in first.output]
    for call in calls:
        report = f"{json.loads(call.arguments)['city']} is sunny"
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": report})
    last = client.responses.create(model=MODEL, input=items, tools=[tool])
    return {"completed": "response.completed" in types, "text": last.output_text}


def openai_errors():
    client = openai_client()
    says = lambda text: [{"role": "user", "content": text}]  # noqa: E731
    return {
        "unknown": error_of(lambda: client.chat.completions.create(model="nobody-has-it", messages=says("hi"))),
        "refused": error_of(lambda: client.chat.completions.create(model=MODEL, messages=says("refuse 422"))),
    }


def anthropic_client():
    from anthropic import Anthropic

    return Anthropic(base_url=os.environ["ANTHROPIC_BASE_URL"], api_key="none", max_retries=0)


def anthropic_messages():
    client = anthropic_client()
    settings = {"model": MODEL, "max_tokens": 500}
    messages = [{"role": "user", "content": "hello"}]
    whole = client.messages.create(**settings, messages=messages, system="Be brief.")
    with client.messages.stream(**settings, messages=[{"role": "user", "content": "think"}]) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    counted = client.messages.count_tokens(model=MODEL, messages=messages)
    return {
        "whole": whole.content[0].text,
        "stream": text,
        "kinds": [block.type for block in final.content],
        "counted": counted.input_tokens > 0,
    }


def anthropic_tools():
    client = anthropic_client()
    settings = {"model": MODEL, "max_tokens": 500, "tools": [{**WEATHER, "input_schema": SCHEMA}]}
    messages = [{"role": "user", "content": "weather"}]
    with client.messages.stream(**settings, messages=messages) as stream:
        first = stream.get_final_message()
    calls = [block for block in first.content if block.type == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.input['city']} is sunny"} for call in calls
    ]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    last = client.messages.create(**settings, messages=messages)
    return {"stop": first.stop_reason, "text": last.content[0].text}


def anthropic_errors():
    client = anthropic_client()
    ask = lambda model, text: client.messages.create(  # noqa: E731
        model=model, max_tokens=5, messages=[{"role": "user", "content": text}]
    )
    return {
        "unknown": error_of(lambda: ask("nobody-has-it", "hello")),
        "refused": error_of(lambda: ask(MODEL, "refuse 422")),
    }


def anthropic_models():
    return [each.id for each in anthropic_client().models.list()]


def langchain():
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    reach = {"base_url": os.environ["OPENAI_BASE_URL"], "api_key": "none", "model": MODEL}
    chat = ChatOpenAI(**reach, max_retries=0)
    tool = {"type": "function", "function": {**WEATHER, "parameters": SCHEMA}}
    agent = chat.bind_tools([tool])
    first = agent.invoke("weather")
    talk = [HumanMessage("weather"), first]
    talk += [ToolMessage(f"{call['args']['city']} is sunny", tool_call_id=call["id"]) for call in first.tool_calls]
    # Without check_embedding_ctx_length it sends token numbers, which only OpenAI's own models understand.
    embeddings = OpenAIEmbeddings(**reach, check_embedding_ctx_length=False)
    stream = "".join(chunk.text for chunk in chat.stream("hello"))
    later = asyncio.run(chat.ainvoke("hello")).text
    answered = ChatOpenAI(**reach, use_responses_api=True).invoke("hello").text
    return {
        "agent": agent.invoke(talk).text,
        "stream": stream,
        "async": later,
        "responses": answered,
        "embedding": embeddings.embed_query("one"),
    }


print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}, ensure_ascii=False))
