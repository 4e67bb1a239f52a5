"""Count words, with Django."""

import json

from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST


@require_GET
def page(request):
    return render(request, "page.html")


@require_POST
def count(request):
    return JsonResponse({"words": len(json.loads(request.body)["text"].split())})


@require_POST
def upload(request):
    file = request.FILES["file"]
    data = file.read()
    return JsonResponse({"name": file.name, "size": len(data), "words": len(data.split())})


@require_GET
def moved(request):
    return redirect("where")


@require_GET
def where(request):
    url = reverse("where")
    return JsonResponse({"url": url, "full": request.build_absolute_uri(url)})
