package main

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kjson "sigs.k8s.io/json"
)

// The kinds that carry a pod. They are decoded into their Go types, as the API server does, so that null, empty and
// unknown fields mean here what they mean there. Objects of other kinds stay as they are, without their nulls.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(s))
	utilruntime.Must(appsv1.AddToScheme(s))
	utilruntime.Must(batchv1.AddToScheme(s))
	return s
}()

// decodeObject reads one Kubernetes object; nil for an absent one.
func decodeObject(raw json.RawMessage) (runtime.Object, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("not a Kubernetes object: %w", err)
	}
	if head.APIVersion == "" || head.Kind == "" {
		return nil, fmt.Errorf("not a Kubernetes object: apiVersion %q, kind %q", head.APIVersion, head.Kind)
	}
	gvk := schema.FromAPIVersionAndKind(head.APIVersion, head.Kind)
	if scheme.Recognizes(gvk) {
		object, err := scheme.New(gvk)
		if err != nil {
			return nil, err
		}
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, object); err != nil {
			return nil, fmt.Errorf("schema of %s %s: %w", head.APIVersion, head.Kind, err)
		}
		object.GetObjectKind().SetGroupVersionKind(gvk)
		return object, nil
	}
	content := map[string]any{}
	if err := utiljson.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("schema of %s %s: %w", head.APIVersion, head.Kind, err)
	}
	dropNulls(content)
	return &unstructured.Unstructured{Object: content}, nil
}

func dropNulls(value any) {
	switch typed := value.(type) {
	case map[string]any:
		for key, each := range typed {
			if each == nil {
				delete(typed, key)
			} else {
				dropNulls(each)
			}
		}
	case []any:
		for _, each := range typed {
			dropNulls(each)
		}
	}
}
